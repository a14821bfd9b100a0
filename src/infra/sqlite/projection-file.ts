import Sqlite from "better-sqlite3";
import { closeSync, openSync, rmSync } from "node:fs";
import { Unavailable } from "../../domain/shared/errors.ts";

/** `PRAGMA application_id` of a projection file: "SLpr". */
const APPLICATION_ID = 0x534c7072;

/** `PRAGMA user_version`: the tables below. Any other is folded anew, never converted. */
const FORMAT = 1;
const FILLING = 0;

/**
 * An index on (a, b) is in effect one on (a, b, began): SQLite ends every index entry with the
 * row's id. Lists are ordered by it.
 */
const TABLES = `
CREATE TABLE mark (
  one         INTEGER PRIMARY KEY CHECK (one = 1),
  code        TEXT    NOT NULL,
  origin      TEXT    NOT NULL,
  size        INTEGER NOT NULL,
  frontier    BLOB    NOT NULL,
  rest        TEXT    NOT NULL,
  ended_count INTEGER NOT NULL,
  ended_sum   TEXT    NOT NULL,
  open_sum    TEXT    NOT NULL,
  state_hash  TEXT    NOT NULL,
  seal        TEXT    NOT NULL
) STRICT;
CREATE TABLE open (
  place  INTEGER PRIMARY KEY,
  kind   TEXT NOT NULL,
  id     TEXT NOT NULL,
  digest BLOB NOT NULL,
  text   TEXT NOT NULL,
  UNIQUE (kind, id)
) STRICT;
CREATE TABLE ended (
  began       INTEGER PRIMARY KEY,
  kind        TEXT NOT NULL,
  id          TEXT NOT NULL,
  database_id TEXT NOT NULL,
  status      TEXT NOT NULL,
  text        TEXT NOT NULL
) STRICT;
`;

const INDEXES = `
CREATE UNIQUE INDEX ended_by_id   ON ended (id, kind);
CREATE INDEX ended_by_database    ON ended (database_id, kind);
CREATE INDEX ended_by_status      ON ended (kind, status);
`;

export type ProjectionConnection = Sqlite.Database;

/** In place of a file: nothing is kept when it is closed. */
export const IN_MEMORY = ":memory:";

/**
 * Opens a projection file, made with empty tables if it does not exist. Throws SQLite's errors, and
 * Unavailable code projection-damaged for anything that is not one of ours.
 */
export function openProjectionFile(
  file: string,
  connect: ConnectProjection = (path) => new Sqlite(path),
): ProjectionConnection {
  // Made by SQLite it would have the permissions of the process's umask.
  if (file !== IN_MEMORY) closeSync(openSync(file, "a", 0o600));
  const db = connect(file);
  try {
    if (db.prepare("SELECT 1 FROM sqlite_schema").get() === undefined) {
      withoutSyncs(db);
      create(db);
    }
    if (formatOf(db) === FORMAT) keepSafe(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens a file to be read only, or one in memory. */
export type ConnectProjection = (file: string) => ProjectionConnection;

const connectReadOnly: ConnectProjection = (file) =>
  new Sqlite(file, { readonly: true, fileMustExist: true });

/** Opens the file of another process. Throws as `openProjectionFile`. */
export function readProjectionFile(
  file: string,
  connect: ConnectProjection = connectReadOnly,
): ProjectionConnection {
  const db = connect(file);
  try {
    formatOf(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function formatOf(db: ProjectionConnection): unknown {
  const id = db.pragma("application_id", { simple: true });
  const format = db.pragma("user_version", { simple: true });
  if (id === APPLICATION_ID && (format === FORMAT || format === FILLING)) return format;
  throw unusable("it has another format");
}

function create(db: ProjectionConnection): void {
  db.transaction(() => {
    db.exec(TABLES);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${FILLING}`);
  })();
}

/** Whether the file was never filled to the end: nothing can be read from it yet. */
export const isFilling = (db: ProjectionConnection): boolean =>
  db.pragma("user_version", { simple: true }) === FILLING;

/**
 * A file that is being filled is lost with a crash in any case: it needs no journal on disk and no
 * syncs, and with `bulk` its indexes are made at the end, which is quicker but takes a while.
 */
export function beginFilling(db: ProjectionConnection, bulk: boolean): void {
  withoutSyncs(db);
  if (!bulk) db.exec(INDEXES);
}

function withoutSyncs(db: ProjectionConnection): void {
  db.pragma("journal_mode = MEMORY");
  db.pragma("synchronous = OFF");
}

/** The commit that says that the file is whole also syncs everything written before. */
export function endFilling(db: ProjectionConnection, bulk: boolean): void {
  if (bulk) db.exec(INDEXES);
  db.pragma("synchronous = FULL");
  db.pragma(`user_version = ${FORMAT}`);
  keepSafe(db);
}

/** A power cut may take the last transactions, no more: the start folds their events again. */
function keepSafe(db: ProjectionConnection): void {
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = NORMAL");
}

/** Removes the file and what SQLite keeps beside it. No connection to it may be open. */
export function removeProjectionFile(file: string): void {
  if (file === IN_MEMORY) return;
  rmSync(file, { force: true });
  removeSideFiles(file);
}

export function removeSideFiles(file: string): void {
  for (const suffix of ["-wal", "-shm", "-journal"]) rmSync(file + suffix, { force: true });
}

export const unusable = (why: string): Unavailable =>
  new Unavailable("projection-damaged", `The stored projection cannot be used: ${why}`, {
    hint: "POST /v1/ledger/rebuild, or a start of the service, folds it from the ledger anew",
  });
