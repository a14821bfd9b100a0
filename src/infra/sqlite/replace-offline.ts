import { realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { RestoreRequest } from "../../domain/engine/database-engine.ts";
import type { Finding } from "../../domain/migration/events.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { journalMode, openDatabase, rollback, type Connection } from "./connection.ts";
import { withDatabase } from "./connections.ts";
import { fsyncPath, moveBeside } from "./files.ts";
import { raiseFence, readMeta } from "./meta.ts";
import { openersOf } from "./openers.ts";
import { removeLeftovers, takeOver } from "./replace-file.ts";
import type { Session } from "./session.ts";
import { isBusy } from "./sqlite-error.ts";

/**
 * Replaces the file by a rename, much faster than writing into it, and only when nobody else has
 * it open: an application that is connected would write on into the old file, unseen. SQLite
 * proves it in WAL mode; in the other modes an idle connection holds no lock, so the operating
 * system is asked, twice: before, and again behind the lock.
 */
export async function replaceOffline(
  session: Session,
  request: RestoreRequest,
): Promise<Finding[]> {
  const path = await realpath(session.target.url);
  await requireAlone(path);
  await removeLeftovers(path);
  const complete = join(dirname(path), `.${basename(path)}.${request.incarnation}`);
  let db: Connection | undefined;
  let left: string | undefined;
  try {
    db = await openDatabase(path, "managed");
    const mode = journalMode(db);
    await moveBeside(request.scratchPath, complete);
    if (mode === "wal")
      await withDatabase(complete, "managed", (copy) => copy.pragma("journal_mode = WAL"));
    await takeOver(path, complete);
    await fsyncPath(complete);
    left = leaveWal(db, mode);
    exclude(db, request);
    const { unseen } = await requireAlone(path, process.pid);
    await session.faults("offline-before-rename");
    await rename(complete, path);
    left = undefined;
    await session.faults("offline-after-rename");
    await fsyncPath(dirname(path));
    return unseen === 0 ? [] : [unseenFinding(unseen)];
  } catch (error) {
    for (const suffix of ["", "-wal", "-shm"]) await rm(complete + suffix, { force: true });
    throw isBusy(error) ? notExclusive("another connection is there") : error;
  } finally {
    if (db !== undefined) backTo(db, left);
  }
}

/** The old file must have no WAL beside it when the new one takes its name. */
function leaveWal(db: Connection, mode: string): string | undefined {
  if (mode !== "wal") return undefined;
  db.pragma("journal_mode = DELETE");
  return mode;
}

/** Nobody reads or writes from here on, nor has a newer holder written. */
function exclude(db: Connection, { token }: RestoreRequest): void {
  db.exec("BEGIN EXCLUSIVE");
  if (readMeta(db) === undefined) return;
  raiseFence(db, token);
  db.exec("COMMIT; BEGIN EXCLUSIVE");
}

/** Closes the old file; if it is still the database, with the mode that it had. */
function backTo(db: Connection, mode: string | undefined): void {
  try {
    rollback(db);
    if (mode !== undefined) db.pragma(`journal_mode = ${mode}`);
  } finally {
    // Whatever fails here: while it is open, the file counts as in use.
    db.close();
  }
}

async function requireAlone(path: string, own?: number): Promise<{ readonly unseen: number }> {
  const { pids, unseen } = await openersOf(path, own);
  if (pids.length > 0) throw notExclusive(`processes have it open: ${pids.join(", ")}`);
  return { unseen };
}

const notExclusive = (why: string): Unavailable =>
  new Unavailable(
    "restore-not-exclusive",
    `The file cannot be replaced while it is in use: ${why}`,
    { hint: "Stop the application, or restore online (the default)" },
  );

const unseenFinding = (unseen: number): Finding => ({
  severity: "warning",
  code: "processes-unseen",
  message: `${unseen} processes of other users could not be looked at; SQLite's locks were free`,
  hint: "Run the service as the user of the applications, or as root, to have all of them seen",
});
