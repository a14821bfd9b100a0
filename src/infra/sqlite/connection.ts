import { access, constants, stat } from "node:fs/promises";
import Database from "better-sqlite3";
import { Unavailable } from "../../domain/shared/errors.ts";
import { engineError } from "./sqlite-error.ts";
import { READ_WAIT_MS, deadlineIn, whileBusy } from "./waiting.ts";

/** An open connection. */
export type Connection = Database.Database;

/**
 * Waiting inside the engine blocks the whole process: it is short, and `whileBusy` repeats.
 */
const BUSY_TIMEOUT_MS = 20;

/**
 * For connections that only check. More would be faster, but the whole file would count as memory of
 * this process. I/O errors become SIGBUS.
 */
const MMAP_BYTES = 64 << 20;
const CHECK_CACHE_KIB = 32_768;

/**
 * `brief`: transactions that are made durable together, by `Connections.harden`. `scratch`: durability
 * is not wanted. `checking`: scans everything once, then is closed.
 */
export type Purpose = "managed" | "brief" | "scratch" | "checking";

/**
 * Opens an existing database file with every setting that a step relies on, each read back because
 * a PRAGMA does not say that it failed. Rejects with `database-missing`, `not-a-database`,
 * `database-damaged`, `database-locked`, `database-read-only` or `io-error`.
 */
export async function openDatabase(path: string, purpose: Purpose): Promise<Connection> {
  await requireFile(path);
  if (purpose === "managed") await requireWritable(path);
  let db: Connection | undefined;
  try {
    const opened = new Database(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    db = opened;
    await whileBusy(deadlineIn(READ_WAIT_MS), () => configure(opened, purpose));
    return opened;
  } catch (error) {
    db?.close();
    throw engineError(error);
  }
}

async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw engineError(error);
  });
  if (found === undefined)
    throw new Unavailable("database-missing", `There is no file at ${path}`, {
      hint: "Put the file back, or restore a verified backup",
    });
  if (!found.isFile())
    throw new Unavailable("not-a-database", `${path} is not a file`, { hint: "Check the path" });
}

/**
 * SQLite would open the file all the same, for reading, and make WAL files beside it with its
 * permissions: those would stay read-only when the database is writable again.
 */
async function requireWritable(path: string): Promise<void> {
  try {
    await access(path, constants.W_OK);
  } catch {
    throw new Unavailable("database-read-only", `${path} cannot be written`, {
      hint: "Give the service write permission to the file, to its directory, and to its -wal and -shm files if there are any",
    });
  }
}

/** Settings that everything relies on, each read back. */
export function configure(db: Connection, purpose: Purpose): void {
  // Reading first: the journal mode is known only afterwards, and `synchronous` depends on it.
  db.prepare("SELECT count(*) FROM main.sqlite_schema").get();
  setSynchronous(db, purpose);
  set(db, "foreign_keys", 0);
  set(db, "legacy_alter_table", 0);
  set(db, "recursive_triggers", 0);
  if (purpose === "scratch") useAlone(db);
  if (purpose !== "checking") return;
  db.pragma(`mmap_size = ${MMAP_BYTES}`);
  db.pragma(`cache_size = -${CHECK_CACHE_KIB}`);
}

/**
 * Nobody else has a scratch copy, and nobody needs it after a crash. A large one keeps its journal on
 * disk, for memory must not grow with it.
 */
function useAlone(db: Connection): void {
  db.pragma("locking_mode = EXCLUSIVE");
  const bytes = pragmaNumber(db, "page_count") * pragmaNumber(db, "page_size");
  if (bytes <= SMALL_BYTES) db.pragma("journal_mode = MEMORY");
}

const SMALL_BYTES = 8 << 20;

/**
 * In WAL only FULL survives a power loss, in the other modes only EXTRA. The level below each keeps
 * every transaction whole and in order, but the newest can be missing afterwards. The mode can be
 * changed by others between two transactions, so this is repeated before each.
 */
export function setSynchronous(db: Connection, purpose: Purpose): void {
  set(db, "synchronous", neededLevel(db, purpose));
}

function neededLevel(db: Connection, purpose: Purpose): number {
  if (purpose === "scratch") return 0;
  const durable = journalMode(db) === "wal" ? 2 : 3;
  return purpose === "brief" ? durable - 1 : durable;
}

const isDurable = (db: Connection, purpose: Purpose): boolean =>
  pragmaNumber(db, "synchronous") === neededLevel(db, purpose);

function set(db: Connection, name: string, value: number): void {
  if (pragmaNumber(db, name) === value) return;
  db.pragma(`${name} = ${value}`);
  const found = pragmaNumber(db, name);
  if (found !== value)
    throw new Unavailable("setting-refused", `${name} is ${found} instead of ${value}`);
}

/** `wal`, `delete`, … */
export const journalMode = (db: Connection): string => String(pragmaValue(db, "journal_mode"));

/** A PRAGMA's integer. */
export const pragmaNumber = (db: Connection, name: string): number => Number(pragmaValue(db, name));

/** False where nothing temporary was ever made: SQLite counts each change of that schema. */
export const mayHaveTemporaryObjects = (db: Connection): boolean =>
  prepared<[], number>(db, "PRAGMA temp.schema_version").pluck().get() !== 0;

const pragmaValue = (db: Connection, name: string): unknown =>
  prepared(db, `PRAGMA main.${name}`).pluck().get();

/** Waits for the write lock and takes it, with the durable settings of the mode then in force. */
export async function beginImmediate(
  db: Connection,
  deadline: number,
  purpose: Purpose = "managed",
): Promise<void> {
  await whileBusy(deadline, () => {
    prepared(db, "BEGIN IMMEDIATE").run();
    if (isDurable(db, purpose)) return;
    // The mode was changed by somebody: the level cannot be changed within a transaction.
    db.exec("ROLLBACK");
    setSynchronous(db, purpose);
    db.exec("BEGIN IMMEDIATE");
    if (isDurable(db, purpose)) return;
    db.exec("ROLLBACK");
    throw new Unavailable("setting-refused", "The journal mode changes all the time");
  }).catch((error: unknown) => {
    throw engineError(error);
  });
}

/**
 * Commits. In rollback-journal modes a reader can be in the way: the transaction stays open and the
 * commit is repeated until `deadline`.
 */
export const commit = (db: Connection, deadline: number): Promise<void> =>
  whileBusy(deadline, () => {
    prepared(db, "COMMIT").run();
  });

/** Ends the transaction if one is open; some errors have already ended it. */
export function rollback(db: Connection): void {
  if (db.open && db.inTransaction) db.exec("ROLLBACK");
}

/** Runs `read` in one read transaction, so that all it sees is of one moment. */
export async function inSnapshot<T>(db: Connection, read: () => T | Promise<T>): Promise<T> {
  db.exec("BEGIN");
  try {
    return await read();
  } finally {
    rollback(db);
  }
}

/** As `inSnapshot`, again from the start while writers are in the way (rollback-journal modes). */
export const readSnapshot = <T>(db: Connection, read: () => T): Promise<T> =>
  whileBusy(deadlineIn(READ_WAIT_MS), () => inSnapshot(db, read));

const statements = new WeakMap<Connection, Map<string, Database.Statement>>();

/**
 * A statement that steps need again and again, prepared once a connection. Whoever sets `pluck` or
 * `raw` on it must do so for every use of the same text.
 */
export function prepared<P extends unknown[], R>(
  db: Connection,
  sql: string,
): Database.Statement<P, R> {
  let known = statements.get(db);
  if (known === undefined) statements.set(db, (known = new Map()));
  let statement = known.get(sql);
  if (statement === undefined) known.set(sql, (statement = db.prepare(sql)));
  return statement as Database.Statement<P, R>;
}
