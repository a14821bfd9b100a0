import {
  chmod,
  chown,
  link,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Unavailable } from "../../domain/shared/errors.ts";
import { copyHashed, fileId, fsyncPath } from "./files.ts";

/** What SQLite itself would create. */
const DEFAULT_MODE = 0o644;

/**
 * Puts a copy of `source` at `target`, where there is no usable database: written beside, synced, then
 * renamed. What is there is moved aside with its side files under names that end in `suffix`: a
 * left-over WAL would be replayed onto the new file. No connection to either may be open here.
 * Rejects with `restore-busy` if another process has the file open.
 */
export async function replaceFile(source: string, target: string, suffix: string): Promise<void> {
  // A link stays a link: what it leads to is replaced.
  const path = fileId(target) === undefined ? target : await realpath(target);
  await requireUnused(path);
  const complete = join(dirname(path), `.${basename(path)}.${suffix}`);
  try {
    await copyHashed(source, complete);
    await takeOver(path, complete);
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
async function takeOver(path: string, complete: string): Promise<void> {
  if (fileId(path) === undefined) {
    await chmod(complete, DEFAULT_MODE & ~process.umask());
    return;
  }
  const { mode, uid, gid } = await stat(path);
  await chmod(complete, mode & 0o7777);
  if (process.getuid?.() === 0) await chown(complete, uid, gid);
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
  const holders = fileId(path) === undefined ? [] : await openers(path);
  if (holders.length === 0) return;
  throw new Unavailable(
    "restore-busy",
    `The damaged file must be replaced but processes have it open: ${holders.join(", ")}`,
    { hint: "Stop the application, then restore again" },
  );
}

/** Processes that have a file open, as far as the operating system lets us see. */
async function openers(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    // Processes of others, and those that end meanwhile, cannot be looked at.
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(
      files.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")),
    );
    if (targets.includes(path)) found.push(pid);
  }
  return found;
}
