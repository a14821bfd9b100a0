import type { Catalog } from "./catalog.ts";
import type { FollowedSchema, SchemaRows } from "./schema-rows.ts";
import { ddlTarget } from "./sql/ddl-target.ts";
import { firstWord, foldName, sqlTokens } from "./sql/tokens.ts";

/** What became of the tables that were there before the step. Names are folded. */
export interface TableMoves {
  /** Present name of each that has another one, by its name before the step. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Names of those that were dropped, whatever has the name now. */
  readonly dropped: ReadonlySet<string>;
  /** By the name before the step: present name of each column that has another one. */
  readonly columns: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Follows tables through a script, statement by statement. */
export class TableFollower implements TableMoves {
  readonly #before: Pick<Catalog["tables"], "has">;
  readonly #renamed = new Map<string, string>();
  readonly #dropped = new Set<string>();
  readonly #columns = new Map<string, Map<string, string>>();

  constructor({ tables }: Catalog) {
    this.#before = tables;
  }

  get renamed(): ReadonlyMap<string, string> {
    return this.#renamed;
  }

  get dropped(): ReadonlySet<string> {
    return this.#dropped;
  }

  get columns(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return this.#columns;
  }

  /** Runs one statement and looks at what it moved. */
  follow(sql: string, schema: FollowedSchema, run: () => void): void {
    const word = firstWord(sql);
    const before = MOVES.has(word) ? schema.now : undefined;
    run();
    if (before === undefined) return;
    this.#compare(tableNames(before), tableNames(schema.refresh()));
    if (word === "ALTER") this.#renameColumn(sql);
  }

  /** By its text: it was executed, so it says what it did. */
  #renameColumn(sql: string): void {
    const target = ddlTarget(sqlTokens(sql));
    const origin = target === undefined ? undefined : this.#originOf(foldName(target.name));
    if (target?.renameColumn === undefined || origin === undefined) return;
    const from = foldName(target.renameColumn.from);
    const columns = this.#columns.get(origin) ?? new Map<string, string>();
    const [first] = [...columns].find(([, present]) => present === from) ?? [from];
    columns.set(first, foldName(target.renameColumn.to));
    this.#columns.set(origin, columns);
  }

  #compare(before: TableNames, after: TableNames): void {
    const came = [...after].filter(([name]) => !before.has(name));
    for (const [was, page] of before) {
      const origin = after.has(was) ? undefined : this.#originOf(was);
      if (origin === undefined) continue;
      const now = came.find(([, itsPage]) => itsPage === page)?.[0];
      this.#renamed.delete(origin);
      if (now === undefined) this.#dropped.add(origin);
      else if (now !== origin) this.#renamed.set(origin, now);
    }
  }

  /** Its name before the step; undefined for a table that the script made. */
  #originOf(name: string): string | undefined {
    for (const [origin, present] of this.#renamed) if (present === name) return origin;
    const kept = this.#before.has(name) && !this.#renamed.has(name) && !this.#dropped.has(name);
    return kept ? name : undefined;
  }
}

/**
 * The table (folded) that has the rows of `name` now. A dropped one is survived by the table that
 * took its name, for that is a rebuild; but not by one that had rows of its own under another name.
 */
export function survivor(
  name: string,
  { renamed, dropped }: TableMoves,
  { tables }: Catalog,
): string | undefined {
  const moved = renamed.get(name);
  if (moved !== undefined || !tables.has(name)) return moved;
  return dropped.has(name) && [...renamed.values()].includes(name) ? undefined : name;
}

/** After these a table can have another name, or its name can be another's. */
const MOVES: ReadonlySet<string> = new Set(["ALTER", "DROP"]);

/** Table names (folded) with the root page, which a rename keeps; virtual tables have none: 0. */
type TableNames = ReadonlyMap<string, number>;

const known = new WeakMap<SchemaRows, TableNames>();

function tableNames(schema: SchemaRows): TableNames {
  const found = known.get(schema) ?? readNames(schema);
  known.set(schema, found);
  return found;
}

const readNames = ({ rows }: SchemaRows): TableNames =>
  new Map(
    rows
      .filter(({ type }) => type === "table")
      .map(({ name, rootPage }) => [foldName(name), rootPage ?? 0]),
  );
