import Sqlite from "better-sqlite3";
import { randomUUID } from "node:crypto";
import { chmodSync, closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { Unavailable } from "../../domain/shared/errors.ts";
import { openFailed } from "../ledger/ledger-errors.ts";
import { sealedAt, sealOf } from "./sealed-file.ts";
import { LEDGER_APPLICATION_ID, LEDGER_SCHEMA, LEDGER_SCHEMA_VERSION } from "./ledger-schema.ts";

/** A connection to a ledger file. */
export type LedgerConnection = Sqlite.Database;
export type LedgerStatement = Sqlite.Statement<unknown[]>;

/** What every connection must be set to; read back, because SQLite ignores what it cannot do. */
const SETTINGS: readonly (readonly [pragma: string, value: string, readBack: string | number])[] = [
  // Set after journal_mode: the build's default for WAL files is NORMAL, which is not durable.
  ["synchronous", "FULL", 2],
  // Without it INSERT OR REPLACE deletes rows behind the triggers' back.
  ["recursive_triggers", "ON", 1],
  ["foreign_keys", "ON", 1],
];

/**
 * Opens a ledger file, made with its tables and an empty head if it does not exist. Errors:
 * Unavailable, code ledger-too-new | ledger-foreign-file | ledger-origin-differs |
 * ledger-not-durable | ledger-missing | ledger-open-failed.
 */
export function openLedgerFile(
  file: string,
  options: { readonly origin: string; readonly readOnly?: boolean },
): LedgerConnection {
  try {
    return open(file, options.origin, options.readOnly ?? false);
  } catch (error) {
    throw openFailed(file, error);
  }
}

function open(file: string, origin: string, readOnly: boolean): LedgerConnection {
  if (readOnly && !existsSync(file)) throw missing(file);
  if (!readOnly) makePrivate(file, origin);
  const db = new Sqlite(file, { readonly: readOnly, fileMustExist: true });
  try {
    if (!readOnly) makeDurable(db, file);
    // An empty file was there before, or somebody made it.
    if (!readOnly && isEmpty(db)) create(db, origin);
    checkSchema(db, file, readOnly);
    applySettings(db, file);
    checkOrigin(db, file, origin);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The file exists, is its owner's alone, and survives a power cut. */
function makePrivate(file: string, origin: string): void {
  if (existsSync(file)) chmodSync(file, 0o600);
  else makeFile(file, origin);
}

/**
 * Makes the file beside its place, without SQLite's syncs, syncs it once as it is and links it there: it is whole
 * or not there at all.
 */
function makeFile(file: string, origin: string): void {
  const fresh = `${file}.${randomUUID()}.new`;
  closeSync(openSync(fresh, "ax", 0o600));
  try {
    const db = new Sqlite(fresh);
    try {
      db.pragma("synchronous = OFF");
      db.pragma("journal_mode = MEMORY");
      create(db, origin);
      db.pragma("journal_mode = WAL");
    } finally {
      db.close();
    }
    syncNow(fresh);
    linkSync(fresh, file);
  } catch (error) {
    // Another process was quicker.
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
  syncNow(dirname(file));
}

function syncNow(path: string): void {
  const opened = openSync(path, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

function makeDurable(db: LedgerConnection, file: string): void {
  const mode = db.pragma("journal_mode = WAL", { simple: true });
  if (mode !== "wal") throw notDurable(file, `journal_mode is ${String(mode)}`);
}

const isEmpty = (db: LedgerConnection): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;

function create(db: LedgerConnection, origin: string): void {
  db.transaction(() => {
    // Another process may have been quicker.
    if (!isEmpty(db)) return;
    db.exec(LEDGER_SCHEMA);
    db.pragma(`application_id = ${LEDGER_APPLICATION_ID}`);
    db.pragma(`user_version = ${LEDGER_SCHEMA_VERSION}`);
    db.prepare("INSERT INTO ledger_head VALUES (1, ?, 0, x'', '', 0)").run(origin);
  }).immediate();
}

function checkSchema(db: LedgerConnection, file: string, readOnly: boolean): void {
  const version = db.pragma("user_version", { simple: true }) as number;
  if (db.pragma("application_id", { simple: true }) !== LEDGER_APPLICATION_ID) {
    throw new Unavailable("ledger-foreign-file", `${file} is not a ledger`, {
      hint: "Check the data directory; a ledger is never made inside another program's file",
    });
  }
  const seal = sealOf(db);
  if (seal !== null) {
    if (!readOnly) throw sealedAt(file, seal);
    return;
  }
  if (version > LEDGER_SCHEMA_VERSION) {
    throw new Unavailable(
      "ledger-too-new",
      `${file} has schema version ${version}; this program knows ${LEDGER_SCHEMA_VERSION}`,
      { hint: "Use the release of Schemaledger that wrote it, or a newer one" },
    );
  }
}

/** Sets and reads back, after a first read: synchronous only settles once the file was read. */
function applySettings(db: LedgerConnection, file: string): void {
  for (const [pragma, value] of SETTINGS) db.pragma(`${pragma} = ${value}`);
  db.prepare("SELECT size FROM ledger_head").get();
  for (const [pragma, , expected] of SETTINGS) {
    const found = db.pragma(pragma, { simple: true });
    if (found !== expected) throw notDurable(file, `${pragma} is ${String(found)}`);
  }
}

function checkOrigin(db: LedgerConnection, file: string, origin: string): void {
  const found = db.prepare("SELECT origin FROM ledger_head").pluck().get();
  if (found !== origin) {
    throw new Unavailable(
      "ledger-origin-differs",
      `${file} is the ledger ${String(found)}, but the signer is ${origin}`,
      { hint: "Start with the name and the signing key that belong to this ledger" },
    );
  }
}

const missing = (file: string): Unavailable =>
  new Unavailable("ledger-missing", `There is no ledger at ${file}`, {
    hint: "Check the data directory",
  });

const notDurable = (file: string, why: string): Unavailable =>
  new Unavailable("ledger-not-durable", `${file} cannot be opened durably: ${why}`, {
    hint: "Keep the ledger on a local file system",
  });
