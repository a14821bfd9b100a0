import Sqlite from "better-sqlite3";
import { Unavailable } from "../../domain/shared/errors.ts";

/**
 * `PRAGMA user_version` of a ledger file that goes on elsewhere. Programs that know nothing of sealing
 * refuse it as newer than they are.
 */
export const SEALED_VERSION = 1_000_001;

/** Whether a ledger file was sealed. */
export function isSealedFile(file: string): boolean {
  const db = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    return db.pragma("user_version", { simple: true }) === SEALED_VERSION;
  } finally {
    db.close();
  }
}

/** Where a sealed ledger file goes on; null if it is not sealed. */
export function sealOf(db: Sqlite.Database): string | null {
  if (db.pragma("user_version", { simple: true }) !== SEALED_VERSION) return null;
  return db.prepare("SELECT place FROM sealed").pluck().get() as string;
}

/**
 * Closes a ledger file for good: from now on it is only read. Repeatable for the same place; the
 * file must not be open elsewhere.
 */
export function sealFile(file: string, place: string): void {
  const db = new Sqlite(file, { fileMustExist: true });
  try {
    db.pragma("synchronous = FULL");
    db.transaction(() => {
      db.exec("CREATE TABLE IF NOT EXISTS sealed (place TEXT NOT NULL) STRICT");
      db.exec("DELETE FROM sealed");
      db.prepare("INSERT INTO sealed VALUES (?)").run(place);
      db.pragma(`user_version = ${SEALED_VERSION}`);
    }).immediate();
  } finally {
    db.close();
  }
}

/** Has everything in the file itself, with no side files, so that it may be renamed. */
export function asOneFile(file: string): void {
  const db = new Sqlite(file, { fileMustExist: true });
  try {
    db.pragma("journal_mode = DELETE");
  } finally {
    db.close();
  }
}

/** Takes a seal back, when nothing went on elsewhere. `version`: that of the file's tables. */
export function unsealFile(file: string, version: number): void {
  const db = new Sqlite(file, { fileMustExist: true });
  try {
    db.pragma("synchronous = FULL");
    db.transaction(() => {
      db.exec("DROP TABLE IF EXISTS sealed");
      db.pragma(`user_version = ${version}`);
    }).immediate();
  } finally {
    db.close();
  }
}

export const sealedAt = (file: string, place: string): Unavailable =>
  new Unavailable("ledger-sealed", `${file} was sealed: the ledger goes on in ${place}`, {
    hint: "Start with the ledger that it goes on in",
  });
