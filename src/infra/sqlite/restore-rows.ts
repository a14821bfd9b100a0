import type { TableRestored } from "../../domain/backup/events.ts";
import type { Finding } from "../../domain/migration/events.ts";
import type { SchemaColumn } from "../../domain/schema/schema.ts";
import type { CatalogEntry } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { rowidName } from "./content-digest.ts";
import { quoteName } from "./quote.ts";
import type { TableTask } from "./restore-table.ts";
import { foldName } from "./sql/tokens.ts";

export type Rows = Pick<
  TableRestored,
  "inserted" | "overwritten" | "deleted" | "differing" | "addedSince"
>;

export interface Merged {
  readonly rows: Rows;
  readonly findings: readonly Finding[];
}

const NONE: Rows = { inserted: 0, overwritten: 0, deleted: 0, differing: 0, addedSince: 0 };

/** Copies every row into a table that is empty, with its row ids. Returns how many. */
export function copyAll({ db, schema }: TableTask, table: CatalogEntry): number {
  const columns = valuesOf(table).map(({ name }) => quoteName(name));
  const rowid = hasOwnRowid(table) ? rowidName(table) : undefined;
  const list = [...(rowid === undefined ? [] : [rowid]), ...columns].join(", ");
  const name = quoteName(table.name);
  return db
    .prepare(`INSERT INTO main.${name} (${list}) SELECT ${list} FROM ${schema}.${name}`)
    .run().changes;
}

/** Brings rows back into a table that is there; what differs is treated as the request says. */
export function mergeRows(task: TableTask, from: CatalogEntry, live: CatalogEntry): Merged {
  const { db, request } = task;
  const isSame = valuesOf(live).length === valuesOf(from).length;
  const present = count(db, `main.${quoteName(live.name)}`);
  if (present === 0 && isSame)
    return { rows: { ...NONE, inserted: copyAll(task, from) }, findings: [] };
  if (request.onConflict === "replace" && isSame && keyOf(live) === undefined)
    return { rows: replaceAll(task, from, live), findings: [] };
  const key = keyOf(live);
  if (key === undefined || keyOf(from) === undefined)
    return { rows: NONE, findings: [keyless(live.name)] };
  return byKey(new Merge(task, from, live, key));
}

/** Rows that have no name of their own cannot be compared: all go, all come. */
function replaceAll(task: TableTask, from: CatalogEntry, live: CatalogEntry): Rows {
  const deleted = task.db.prepare(`DELETE FROM main.${quoteName(live.name)}`).run().changes;
  return { ...NONE, deleted, inserted: copyAll(task, from) };
}

function byKey(merge: Merge): Merged {
  const { onConflict } = merge.task.request;
  const differing = merge.differing();
  const addedSince = merge.addedSince();
  if (onConflict === "refuse" && differing > 0)
    return { rows: NONE, findings: [differ(merge.live.name, differing)] };
  // What goes makes room first: unique values may have moved from row to row.
  const deleted = onConflict === "replace" ? merge.deleteAdded() : 0;
  const overwritten = onConflict === "keep" || differing === 0 ? 0 : merge.overwrite();
  const inserted = merge.insertMissing();
  const kept = { differing: differing - overwritten, addedSince: addedSince - deleted };
  return { rows: { inserted, overwritten, deleted, ...kept }, findings: [] };
}

/** The statements that compare and write, over the rows of one table by their key. */
class Merge {
  readonly task: TableTask;
  readonly live: CatalogEntry;
  readonly #columns: readonly SchemaColumn[];
  readonly #key: readonly SchemaColumn[];
  readonly #source: string;
  readonly #target: string;

  constructor(
    task: TableTask,
    from: CatalogEntry,
    live: CatalogEntry,
    key: readonly SchemaColumn[],
  ) {
    this.task = task;
    this.live = live;
    this.#columns = valuesOf(from);
    this.#key = key;
    this.#source = `${task.schema}.${quoteName(from.name)}`;
    this.#target = `main.${quoteName(live.name)}`;
  }

  differing(): number {
    return this.#count(
      `SELECT count(*) FROM ${this.#source} AS s JOIN ${this.#target} AS l ON ${this.#sameKey()}
       WHERE ${this.#differs()}`,
    );
  }

  addedSince(): number {
    return this.#count(
      `SELECT count(*) FROM ${this.#target} AS l
       WHERE NOT EXISTS (SELECT 1 FROM ${this.#source} AS s WHERE ${this.#sameKey()})`,
    );
  }

  deleteAdded(): number {
    return this.#run(
      `DELETE FROM ${this.#target} AS l
       WHERE NOT EXISTS (SELECT 1 FROM ${this.#source} AS s WHERE ${this.#sameKey()})`,
    );
  }

  overwrite(): number {
    // The key as well: under a collation it can be the same and be written otherwise.
    const set = this.#columns
      .map(({ name }) => `${quoteName(name)} = s.${quoteName(name)}`)
      .join(", ");
    return this.#run(
      `UPDATE ${this.#target} AS l SET ${set} FROM ${this.#source} AS s
       WHERE ${this.#sameKey()} AND (${this.#differs()})`,
    );
  }

  insertMissing(): number {
    const list = this.#columns.map(({ name }) => quoteName(name)).join(", ");
    return this.#run(
      `INSERT INTO ${this.#target} (${list})
       SELECT ${list} FROM ${this.#source} AS s
       WHERE NOT EXISTS (SELECT 1 FROM ${this.#target} AS l WHERE ${this.#sameKey()})`,
    );
  }

  /** `IS`, because SQLite lets most keys hold NULL. */
  #sameKey(): string {
    return this.#key
      .map(({ name }) => `l.${quoteName(name)} IS s.${quoteName(name)}`)
      .join(" AND ");
  }

  /** Also what compares as equal: 1 and 1.0, `a` and `A` under a collation. */
  #differs(): string {
    return this.#columns
      .map(({ name }) => {
        const column = quoteName(name);
        return `l.${column} COLLATE BINARY IS NOT s.${column} OR typeof(l.${column}) <> typeof(s.${column})`;
      })
      .join(" OR ");
  }

  #count(sql: string): number {
    return this.task.db.prepare<[], number>(sql).pluck().get()!;
  }

  #run(sql: string): number {
    return this.task.db.prepare(sql).run().changes;
  }
}

const valuesOf = (table: CatalogEntry): readonly SchemaColumn[] =>
  (table.columns ?? []).filter(
    ({ generated, hidden }) => generated === undefined && hidden !== true,
  );

/** What tells a row from the others; undefined where only the row id does, which VACUUM changes. */
function keyOf(table: CatalogEntry): readonly SchemaColumn[] | undefined {
  const key = valuesOf(table).filter(({ primaryKey }) => primaryKey > 0);
  return key.length === 0 ? undefined : key;
}

/** A row id that no column of the table is. */
function hasOwnRowid(table: CatalogEntry): boolean {
  if (table.withoutRowid) return false;
  const key = keyOf(table) ?? [];
  return !(key.length === 1 && foldName(key[0]!.type) === "integer");
}

const count = (db: Connection, table: string): number =>
  db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get()!;

const differ = (table: string, rows: number): Finding => ({
  severity: "error",
  code: "rows-differ",
  table,
  message: `${rows} ${rows === 1 ? "row" : "rows"} of ${table} have other values now than in the backup`,
  hint: "Send `onConflict`: keep leaves them as they are, overwrite gives them the backup's values, replace makes the whole table the backup's",
});

const keyless = (table: string): Finding => ({
  severity: "error",
  code: "no-primary-key",
  table,
  message: `${table} has no primary key and is not empty: which rows are the backup's cannot be told`,
  hint: "Send onConflict replace to make the whole table the backup's, or restore to a new file",
});
