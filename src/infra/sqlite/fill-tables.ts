import type Database from "better-sqlite3";
import type { FixtureRow } from "../../domain/engine/exercise.ts";
import { quoteName } from "./quote.ts";

/** How tables are filled. */
export interface Filling {
  /** Every table gets up to this many rows. */
  readonly rows: number;
  /** Every third row has NULL wherever the column takes it. */
  readonly nulls?: boolean;
  /** Texts that columns of a name get instead of generated ones. */
  readonly given?: ReadonlyMap<string, string>;
}

interface Table {
  readonly name: string;
  readonly sql: string;
  readonly columns: readonly Column[];
  readonly keys: ReadonlyMap<string, { readonly table: string; readonly column: string | null }>;
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly dflt_value: string | null;
  readonly pk: number;
  readonly hidden: number;
}

/**
 * Fills every table with generated rows, always the same; a row that breaks a constraint is left out. Answers
 * how many were put in, and the tables that took none.
 */
export function fillTables(
  db: Database.Database,
  filling: Filling,
): { readonly rows: number; readonly empty: readonly string[] } {
  const tables = tablesOf(db);
  let inserted = 0;
  db.exec("BEGIN IMMEDIATE");
  // Parents are filled in the first round, their children at the latest in the third.
  for (let round = 0; round < 3; round++)
    for (const table of tables) {
      let missing = filling.rows - rowsOf(db, table.name);
      for (let seed = 1; seed <= 2 * filling.rows && missing > 0; seed++)
        if (insertRow(db, table, seed + round, filling)) {
          missing -= 1;
          inserted += 1;
        }
    }
  db.exec("COMMIT");
  const empty = tables.map(({ name }) => name).filter((name) => rowsOf(db, name) === 0);
  return { rows: inserted, empty };
}

/** Puts the rows in, all or none. Throws what SQLite says. */
export function loadRows(
  db: Database.Database,
  { table, rows }: { readonly table: string; readonly rows: readonly FixtureRow[] },
): void {
  db.transaction(() => {
    for (const row of rows) {
      const names = Object.keys(row).map(quoteName);
      const values = Object.values(row).map(valueOf);
      const into = `INSERT INTO ${quoteName(table)} (${names.join(", ")})`;
      db.prepare(`${into} VALUES (${values.map(() => "?").join(", ")})`).run(...values);
    }
  })();
}

function valueOf(value: FixtureRow[string]): Value {
  if (typeof value === "boolean") return Number(value);
  return typeof value === "object" && value !== null ? Buffer.from(value.$hex, "hex") : value;
}

/** Rows by table; virtual tables that cannot be read are left out. */
export function countTables(db: Database.Database): Map<string, number> {
  return new Map(
    tableNames(db).flatMap((name): [string, number][] => {
      const rows = rowsOf(db, name);
      return Number.isNaN(rows) ? [] : [[name, rows]];
    }),
  );
}

/** Ordinary and virtual tables of the application. */
export const tableNames = (db: Database.Database): string[] =>
  db
    .prepare<[], string>(
      `SELECT name FROM pragma_table_list
       WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         AND name NOT IN ('schemaledger_meta', 'schemaledger_marker') ORDER BY name`,
    )
    .pluck()
    .all();

function rowsOf(db: Database.Database, table: string): number {
  try {
    const count = db
      .prepare<[], number>(`SELECT count(*) FROM ${quoteName(table)}`)
      .pluck()
      .get();
    return count ?? 0;
  } catch {
    // A virtual table of a module that is not here: not counted, not filled.
    return Number.NaN;
  }
}

const tablesOf = (db: Database.Database): Table[] =>
  tableNames(db).map((name) => {
    const keys = db
      .prepare<[string], { from: string; table: string; to: string | null }>(
        `SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)`,
      )
      .all(name);
    return {
      name,
      sql: db
        .prepare<[string], string>("SELECT sql FROM sqlite_schema WHERE name = ?")
        .pluck()
        .get(name)!,
      columns: db.prepare<[string], Column>("SELECT * FROM pragma_table_xinfo(?)").all(name),
      keys: new Map(keys.map((key) => [key.from, { table: key.table, column: key.to }])),
    };
  });

function insertRow(
  db: Database.Database,
  table: Table,
  seed: number,
  { given = new Map(), nulls, rows }: Filling,
): boolean {
  const columns = table.columns.filter(
    ({ hidden, dflt_value }) => hidden === 0 && (dflt_value === null || seed % 2 === 1),
  );
  const names = columns.map(({ name }) => quoteName(name)).join(", ");
  const values = columns.map(
    (column) =>
      given.get(column.name) ??
      (nulls === true && seed % 3 === 0 && isNullable(column)
        ? null
        : valueFor(db, table, column, { seed, rows })),
  );
  const marks = values.map(() => "?").join(", ");
  const name = quoteName(table.name);
  const text =
    columns.length === 0
      ? `INSERT INTO ${name} DEFAULT VALUES`
      : `INSERT INTO ${name} (${names}) VALUES (${marks})`;
  const before = violations(db, table.name);
  db.exec("SAVEPOINT one_row");
  try {
    db.prepare(text).run(...values);
    if (violations(db, table.name) <= before) {
      db.exec("RELEASE one_row");
      return true;
    }
  } catch {
    // The generated row breaks a constraint; another one may not.
  }
  db.exec("ROLLBACK TO one_row; RELEASE one_row");
  return false;
}

const isNullable = ({ notnull, pk }: Column): boolean => notnull === 0 && pk === 0;

function violations(db: Database.Database, table: string): number {
  try {
    return db.prepare("SELECT 1 FROM pragma_foreign_key_check(?)").all(table).length;
  } catch {
    // A mismatch in the authors' schema: nothing can be compared.
    return 0;
  }
}

type Value = string | number | Buffer | null;

function valueFor(
  db: Database.Database,
  table: Table,
  column: Column,
  { seed, rows }: { readonly seed: number; readonly rows: number },
): Value {
  const parent = table.keys.get(column.name);
  if (parent !== undefined) return parentValue(db, parent, { seed, rows });
  // Most likely a reference that the authors did not declare (yet).
  if (column.notnull === 0 && column.pk === 0 && /_(uu)?id$/i.test(column.name)) return null;
  return constrained(table.sql, column, seed) ?? generated(column, seed);
}

function parentValue(
  db: Database.Database,
  { table, column }: { readonly table: string; readonly column: string | null },
  { seed, rows }: { readonly seed: number; readonly rows: number },
): Value {
  try {
    const name = column === null ? "rowid" : quoteName(column);
    const values = db
      .prepare<[], Value>(`SELECT ${name} FROM ${quoteName(table)} LIMIT ${rows}`)
      .pluck()
      .all();
    return values.length === 0 ? null : values[seed % values.length]!;
  } catch {
    // The authors refer to a table that is not there.
    return null;
  }
}

/** A value out of a CHECK (c IN (…)), or a text of the length that a CHECK wants. */
function constrained(sql: string, column: Column, seed: number): Value | undefined {
  const name = `["'\`\\[]?${column.name.replace(/[^\w]/g, "\\$&")}["'\`\\]]?`;
  const list = new RegExp(`${name}\\s+IN\\s*\\(([^)]*)\\)`, "i").exec(sql)?.[1];
  if (list !== undefined) {
    const values = [...list.matchAll(/'([^']*)'|(-?\d+)/g)].map(([, text, number]) =>
      text === undefined ? Number(number) : text,
    );
    return values.length === 0 ? undefined : values[seed % values.length];
  }
  const length = new RegExp(`length\\(\\s*${name}\\s*\\)\\s*=\\s*(\\d+)`, "i").exec(sql)?.[1];
  if (length === undefined) return undefined;
  const bytes = Buffer.alloc(Number(length), seed);
  return /blob/i.test(column.type) ? bytes : bytes.toString("latin1");
}

function generated({ name, type, pk }: Column, seed: number): Value {
  if (/bool|tinyint/i.test(type)) return seed % 2;
  if (/int/i.test(type)) return pk === 1 ? 1000 + seed : seed;
  if (/real|floa|doub|numeric|decimal/i.test(type)) return seed + 0.5;
  if (/date|time/i.test(type))
    return `2024-01-${String((seed % 28) + 1).padStart(2, "0")} 10:00:00`;
  if (/blob/i.test(type)) return Buffer.from(`${name} ${seed}`);
  if (/json|payload|config|setting|metadata|options|layout/i.test(name)) return "{}";
  return `${name} ${seed}`;
}
