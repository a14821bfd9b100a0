import Database from "better-sqlite3";
import { join } from "node:path";
import type { StoreAccess, StoredContent } from "../../domain/backup/backup-store.ts";
import type { TableBackupRequest, TableBackupResult } from "../../domain/engine/database-engine.ts";
import type { TableRows } from "../../domain/migration/events.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { storeFiles, withWorkspace } from "../page-store/store-access.ts";
import { readCatalog, type Catalog, type CatalogEntry } from "./catalog.ts";
import { rowidName } from "./content-digest.ts";
import { beginImmediate, pragmaNumber, rollback, type Connection } from "./connection.ts";
import { sizeOf } from "./files.ts";
import { requireIdentity, requireMeta } from "./meta.ts";
import { quoteName } from "./quote.ts";
import { foldName } from "./sql/tokens.ts";
import { countRows } from "./rows.ts";
import type { Session } from "./session.ts";
import type { KnownState } from "./step-state.ts";
import { deadlineIn } from "./waiting.ts";

/**
 * Makes sure that the named tables can be brought back as they are now. Called inside the step's
 * transaction, before its first statement. `contained`: the session's snapshot has them as they are.
 */
export async function backUpTables(
  session: Session,
  db: Connection,
  state: KnownState,
  request: TableBackupRequest,
): Promise<TableBackupResult> {
  const { backupId } = request;
  const tables = named(state.catalog, request.tables);
  const rows = rowsOf(tables, state.rows);
  if (isContained(session, db, tables)) return { backupId, tables: rows, method: "contained" };
  const content = await storeTables(session, request.access, tables, state.catalog);
  return { backupId, tables: rows, method: "copied", content };
}

/** The file's name in a backup. */
const TABLES_FILE = "tables.sqlite";

/** Lock timeout for copying tables outside a step. */
const LOCK_WAIT_MS = 30_000;

/** See `DatabaseEngine.saveTables`. The write lock is held, so that all is of one moment. */
export async function saveTables(
  session: Session,
  request: TableBackupRequest,
): Promise<TableBackupResult> {
  const { db } = await session.connections.step();
  await beginImmediate(db, deadlineIn(LOCK_WAIT_MS));
  try {
    requireIdentity(requireMeta(db), session.target);
    const catalog = readCatalog(db);
    const tables = named(catalog, request.tables);
    const missing = request.tables.find((name) => !catalog.tables.has(foldName(name)));
    if (missing !== undefined)
      throw new InvalidInput("table-not-found", `There is no table ${missing}`);
    const rows = rowsOf(tables, countRows(db, catalog));
    const content = await storeTables(session, request.access, tables, catalog);
    return { backupId: request.backupId, tables: rows, method: "copied", content };
  } finally {
    rollback(db);
  }
}

/** Copies the tables to a file that this process then has no connection to, and stores that. */
const storeTables = (
  session: Session,
  access: StoreAccess,
  tables: readonly CatalogEntry[],
  catalog: Catalog,
): Promise<StoredContent> =>
  withWorkspace(access, async (workspace) => {
    const path = join(workspace, TABLES_FILE);
    const report = (fraction: number): void =>
      session.host.onProgress({ phase: "table-backup", fraction });
    report(0);
    copyTables(session.target.url, path, tables, catalog);
    const file = { name: TABLES_FILE, path, bytes: await sizeOf(path), withoutWal: false };
    return storeFiles(access, [file], (part) => report(0.5 + part / 2));
  });

/** The requested tables that exist. A step may also drop what it creates itself. */
function named(catalog: Catalog, names: readonly string[]): CatalogEntry[] {
  const wanted = new Set(names.map(foldName));
  return [...catalog.tables].filter(([name]) => wanted.has(name)).map(([, table]) => table);
}

const rowsOf = (tables: readonly CatalogEntry[], rows: TableRows): TableRows =>
  Object.fromEntries(tables.map(({ name }) => [name, rows[name] ?? 0]));

/** Nobody else has committed since the snapshot, and no step of the session wrote these tables. */
function isContained(session: Session, db: Connection, tables: readonly CatalogEntry[]): boolean {
  const { snapshot, touched } = session;
  if (snapshot?.db !== db || snapshot.dataVersion !== pragmaNumber(db, "data_version"))
    return false;
  return tables.every(({ name }) => snapshot.tables.has(name) && !touched.has(foldName(name)));
}

/**
 * Copies rows and definitions through a second connection, which reads what was committed before
 * the step's transaction. Indexes and triggers are kept as texts, to be run after a restore.
 */
function copyTables(
  live: string,
  path: string,
  tables: readonly CatalogEntry[],
  catalog: Catalog,
): void {
  const copy = new Database(path);
  try {
    // The file is thrown away if anything fails: it needs no journal, and is synced as a whole.
    copy.pragma("journal_mode = OFF");
    copy.pragma("synchronous = OFF");
    copy.pragma("foreign_keys = OFF");
    copy.prepare("ATTACH ? AS live").run(live);
    copy.exec("BEGIN");
    copy.exec(
      "CREATE TABLE main.schemaledger_saved (type TEXT, name TEXT, tbl_name TEXT, sql TEXT)",
    );
    for (const table of tables) copyTable(copy, table);
    saveDefinitions(copy, tables, catalog);
    copy.exec("COMMIT");
  } finally {
    copy.close();
  }
}

function copyTable(copy: Connection, table: CatalogEntry): void {
  const name = quoteName(table.name);
  if (table.kind !== "table") {
    copy.exec(`CREATE TABLE main.${name} AS SELECT * FROM live.${name}`);
    return;
  }
  copy.exec(table.sql);
  const columns = (table.columns ?? [])
    .filter(({ generated, hidden }) => generated === undefined && hidden !== true)
    .map((column) => quoteName(column.name));
  const rowid = table.withoutRowid || hasRowidColumn(table) ? undefined : rowidName(table);
  const list = [...(rowid === undefined ? [] : [rowid]), ...columns].join(", ");
  copy.exec(`INSERT INTO main.${name} (${list}) SELECT ${list} FROM live.${name}`);
}

/** Its single integer key is the row id itself, under another name. */
function hasRowidColumn(table: CatalogEntry): boolean {
  const key = (table.columns ?? []).filter(({ primaryKey }) => primaryKey > 0);
  return key.length === 1 && foldName(key[0]!.type) === "integer";
}

function saveDefinitions(
  copy: Connection,
  tables: readonly CatalogEntry[],
  catalog: Catalog,
): void {
  const wanted = new Set(tables.map(({ name }) => foldName(name)));
  const save = copy.prepare("INSERT INTO main.schemaledger_saved VALUES (?, ?, ?, ?)");
  for (const { type, name, table, sql } of catalog.entries)
    if (wanted.has(foldName(table)) && sql !== "") save.run(type, name, table, sql);
}
