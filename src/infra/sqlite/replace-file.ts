import { chmod, chown, link, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Unavailable } from "../../domain/shared/errors.ts";
import { fileId, fsyncPath, isInWal, moveBeside } from "./files.ts";
import { openersOf } from "./openers.ts";

/** What SQLite itself would create. */
const DEFAULT_MODE = 0o644;

/**
 * Puts `source`, which is gone then, at `target`, where there is no usable database: written beside, synced, then
 * renamed. What is there is moved aside with its side files under names that end in `suffix`: a
 * left-over WAL would be replayed onto the new file. No connection to either may be open here.
 * Rejects with `restore-busy` if another process has the file open.
 */
export async function replaceFile(source: string, target: string, suffix: string): Promise<void> {
  // A link stays a link: what it leads to is replaced.
  const path = fileId(target) === undefined ? target : await realpath(target);
  await requireUnused(path);
  const complete = join(dirname(path), `.${basename(path)}.${suffix}`);
  await removeLeftovers(path);
  try {
    await moveBeside(source, complete);
    await takeOver(path, complete);
    await fsyncPath(complete);
    for (const side of ["-wal", "-shm", "-journal"]) await moveAside(path + side, suffix);
    await keep(path, suffix);
    await rename(complete, path);
    await fsyncPath(dirname(path));
  } catch (error) {
    await rm(complete, { force: true });
    throw error;
  }
}

/** Owner and permissions of the file that is replaced. */
export async function takeOver(path: string, complete: string): Promise<void> {
  if (fileId(path) === undefined) {
    await chmod(complete, DEFAULT_MODE & ~process.umask());
    return;
  }
  const { mode, uid, gid } = await stat(path);
  await chmod(complete, mode & 0o7777);
  if (process.getuid?.() === 0) await chown(complete, uid, gid);
}

const INCARNATION = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-wal|-shm|-journal)?$/;

/** Removes what restores that died had written beside the database and not put in place. */
export async function removeLeftovers(path: string): Promise<void> {
  for (const left of await leftovers(path)) await rm(left, { force: true });
}

/** Whether a restore that died meant to put a file in WAL mode in place: the old one was in it. */
export async function wasToStayInWal(path: string): Promise<boolean> {
  for (const left of await leftovers(path)) if (await isInWal(left)) return true;
  return false;
}

async function leftovers(path: string): Promise<string[]> {
  const start = `.${basename(path)}.`;
  return (await readdir(dirname(path)))
    .filter((name) => name.startsWith(start) && INCARNATION.test(name.slice(start.length)))
    .map((name) => join(dirname(path), name));
}

async function moveAside(path: string, suffix: string): Promise<void> {
  if (fileId(path) !== undefined) await rename(path, `${path}.${suffix}`);
}

/** Keeps the old file under a second name, so that the path itself is never without a file. */
async function keep(path: string, suffix: string): Promise<void> {
  if (fileId(path) !== undefined) await link(path, `${path}.${suffix}`);
}

/** A process that has the old file open would go on writing into it, unseen. */
async function requireUnused(path: string): Promise<void> {
  const { pids } = fileId(path) === undefined ? { pids: [] } : await openersOf(path);
  if (pids.length === 0) return;
  throw new Unavailable(
    "restore-busy",
    `The damaged file must be replaced but processes have it open: ${pids.join(", ")}`,
    { hint: "Stop the application, then restore again" },
  );
}
