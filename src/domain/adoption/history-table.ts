/** Tools whose history is known. */
export type ToolName =
  | "alembic"
  | "atlas"
  | "d1"
  | "dbmate"
  | "diesel"
  | "django"
  | "drizzle"
  | "ef-core"
  | "flyway"
  | "golang-migrate"
  | "goose"
  | "knex"
  | "liquibase"
  | "node-pg-migrate"
  | "prisma"
  | "prisma-8"
  | "rails"
  | "sqitch"
  | "sqlx"
  | "umzug";

/** One value of a row, so that nothing is rounded: JSON has neither bytes nor large integers. */
export type Cell = null | number | string | { readonly integer: string } | { readonly hex: string };

/** What a table looks like. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
}

/** A table with all its rows, in source order. */
export interface TableContent extends TableShape {
  readonly rows: readonly (readonly Cell[])[];
}

/** Another tool's history as it was found: its table, and others of the tool's beside it. */
export interface FoundHistory {
  readonly tool: ToolName;
  readonly table: TableContent;
  readonly companions: readonly TableContent[];
  /** The file beside the database that they are in. Absent: the database itself. */
  readonly beside?: string;
}

/** ASCII only, as SQLite compares names. */
export const fold = (name: string): string =>
  name.replace(/[A-Z]+/g, (upper) => upper.toLowerCase());

/** One row by its columns' folded names. */
export class Row {
  readonly position: number;
  readonly #cells: ReadonlyMap<string, Cell>;
  readonly #table: TableShape;

  constructor(table: TableShape, cells: readonly Cell[], position: number) {
    this.position = position;
    this.#table = table;
    this.#cells = new Map(table.columns.map((column, at) => [fold(column), cells[at]!]));
  }

  /** As a text; undefined for NULL, bytes and columns that are not there. */
  text(column: string): string | undefined {
    const cell = this.#cells.get(column) ?? null;
    if (cell === null) return undefined;
    if (typeof cell !== "object") return String(cell);
    return "integer" in cell ? cell.integer : undefined;
  }

  /** Lower-case hex of bytes. */
  bytes(column: string): string | undefined {
    const cell = this.#cells.get(column) ?? null;
    return typeof cell === "object" && cell !== null && "hex" in cell ? cell.hex : undefined;
  }

  number(column: string): number | undefined {
    const cell = this.#cells.get(column);
    return typeof cell === "number" ? cell : undefined;
  }

  /** Booleans as tools write them: 1, `t`, `true`, `yes`. */
  flag(column: string): boolean {
    return /^(1|t|true|y|yes)$/i.test(this.text(column) ?? "");
  }

  isNull(column: string): boolean {
    return (this.#cells.get(column) ?? null) === null;
  }

  /** As it was found. */
  verbatim(): { [column: string]: Cell } {
    return Object.fromEntries(
      this.#table.columns.map((column) => [column, this.#cells.get(fold(column))!]),
    );
  }
}

export const rowsOf = (table: TableContent): Row[] =>
  table.rows.map((cells, position) => new Row(table, cells, position));
