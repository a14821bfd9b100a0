import { foldName } from "./sql/tokens.ts";
import { readCatalog, type Catalog, type CatalogEntry } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { withDatabase } from "./connections.ts";

/** The table in which a table backup keeps the definitions that it does not execute. */
export const SAVED = "schemaledger_saved";

/** A verified copy that single tables are taken from. */
export interface TableSource {
  readonly path: string;
  readonly catalog: Catalog;
  /** Index and trigger texts by table (folded), in the order in which they were made. */
  readonly definitions: ReadonlyMap<string, readonly string[]>;
  /** Counters of AUTOINCREMENT tables, by name (folded). */
  readonly sequences: ReadonlyMap<string, number>;
}

/** Reads what a copy has, before anything is locked. */
export const readSource = (path: string): Promise<TableSource> =>
  withDatabase(path, "checking", (db) => {
    const catalog = readCatalog(db);
    return { path, catalog, definitions: definitionsOf(db, catalog), sequences: sequencesOf(db) };
  });

interface Definition {
  readonly type: string;
  readonly table: string;
  readonly sql: string;
}

function definitionsOf(db: Connection, catalog: Catalog): Map<string, string[]> {
  const from = catalog.tables.has(SAVED) ? SAVED : "sqlite_schema";
  const rows = db
    .prepare<[], Definition>(
      `SELECT type, tbl_name AS "table", sql FROM main.${from}
       WHERE type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY rowid`,
    )
    .all();
  const found = new Map<string, string[]>();
  for (const { table, sql } of rows) {
    const key = foldName(table);
    found.set(key, [...(found.get(key) ?? []), sql]);
  }
  return found;
}

export function sequencesOf(db: Connection): Map<string, number> {
  if (!hasSequences(db)) return new Map();
  const rows = db
    .prepare<[], { name: string; seq: number }>("SELECT name, seq FROM main.sqlite_sequence")
    .all();
  return new Map(rows.map(({ name, seq }) => [foldName(name), seq]));
}

export const hasSequences = (db: Connection): boolean =>
  db.prepare("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'").get() !== undefined;

/** The table of that name that rows can be taken from. */
export function sourceTable({ catalog }: TableSource, name: string): CatalogEntry | undefined {
  const table = catalog.tables.get(foldName(name));
  return table === undefined || foldName(table.name) === SAVED ? undefined : table;
}
