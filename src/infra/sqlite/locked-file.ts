import { journalMode, pragmaNumber, rollback, type Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { sizeOf } from "./files.ts";
import { thawed } from "./frozen-file.ts";
import { isBusy } from "./sqlite-error.ts";
import { deadlineIn, whileBusy } from "./waiting.ts";

/** How long to try: writers without a pause are in the way. */
const LOCK_MS = 2_000;

/** A moment of the database that its main file has, while writers wait to commit. */
export interface Locked {
  /** Holds the moment; what it reads is of it. */
  readonly db: Connection;
  readonly path: string;
  readonly bytes: number;
}

/**
 * In rollback-journal modes a reader's lock keeps everybody from writing into the main file: until
 * `use` resolves it can be read as a file, by another process. Undefined in WAL mode, if writers are in
 * the way, or if the file is not as long as the database; else what `use` resolves with.
 */
export function withLockedFile<T>(
  connections: Connections,
  path: string,
  use: (locked: Locked) => Promise<T>,
): Promise<T | undefined> {
  return connections.using("managed", async (db) => {
    if (!(await lock(db)) || journalMode(db) === "wal") return undefined;
    const bytes = pragmaNumber(db, "page_count") * pragmaNumber(db, "page_size");
    // A file that a shrinking left too long: the copy through SQLite handles it.
    if ((await sizeOf(path)) !== bytes) return undefined;
    const result = await use({ db, path, bytes });
    if (!db.inTransaction || (await sizeOf(path)) !== bytes) throw thawed();
    return result;
  });
}

/** Takes the lock, and rolls back what a writer that died has left in the file. False: it is busy. */
async function lock(db: Connection): Promise<boolean> {
  try {
    await whileBusy(deadlineIn(LOCK_MS), () => {
      rollback(db);
      db.exec("BEGIN");
      db.prepare("SELECT count(*) FROM main.sqlite_schema").get();
    });
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
}
