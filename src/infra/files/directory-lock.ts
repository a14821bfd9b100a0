import Database from "better-sqlite3";
import { readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Conflict, Unavailable } from "../../domain/shared/errors.ts";
import { makeDirectory } from "./atomic-write.ts";

const LOCK_FILE = "service.lock";
const HOLDER_FILE = "service.holder.json";

export interface DirectoryLock {
  /** Idempotent. Without it the lock ends with the process, however that ends. */
  release(): Promise<void>;
  /** Tells others at which address this holder can be spoken to. */
  announce(url: string): Promise<void>;
}

/** How to wait for a directory that another process has. */
export interface LockWaiting {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Called once, when the first attempt finds it taken. */
  readonly onWait?: (taken: Conflict) => void;
}

/** Between two attempts, ms: kernel locks cannot be waited for without blocking the process. */
const RETRY_MS = [5, 40] as const;

/** Who has a data directory, as its holder wrote it. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
  readonly description: string;
  /** Where it can be spoken to, if it is a service that listens. */
  readonly url?: string;
}

/**
 * As `takeDirectoryLock`, and waits where that is asked for: until the holder goes, the time is over
 * (the last `data-directory-in-use`) or the signal aborts (its reason). A service that listens is
 * not waited for: it stays.
 */
export async function acquireDirectoryLock(
  directory: string,
  description: string,
  since: string,
  waiting?: LockWaiting,
): Promise<DirectoryLock> {
  const deadline = performance.now() + (waiting?.timeoutMs ?? 0);
  for (let attempt = 0; ; attempt++) {
    waiting?.signal?.throwIfAborted();
    try {
      return await takeDirectoryLock(directory, description, since);
    } catch (error) {
      if (!isTaken(error) || waiting === undefined || isService(error)) throw error;
      if (performance.now() >= deadline) throw error;
      if (attempt === 0) waiting.onWait?.(error);
      const [least, most] = RETRY_MS;
      await sleep(least + Math.random() * Math.min(most, 2 ** attempt));
    }
  }
}

const isTaken = (error: unknown): error is Conflict =>
  error instanceof Conflict && error.code === "data-directory-in-use";

const isService = (error: Conflict): boolean =>
  serviceOf(error.details["holder"] as Holder | undefined) !== undefined;

/** Where the holder listens; undefined if it does not, or left its name behind when it died. */
export function serviceOf(holder: Holder | undefined): string | undefined {
  if (holder?.url === undefined || holder.host !== hostname()) return undefined;
  try {
    process.kill(holder.pid, 0);
    return holder.url;
  } catch {
    // There is no such process (one of another user would be told apart by EPERM, but cannot own
    // a directory that is ours alone).
    return undefined;
  }
}

/**
 * Takes the data directory for this process. The lock is the kernel's (SQLite's exclusive lock on
 * `service.lock`), so a dead holder never has to be cleared away. `since` is RFC 3339. Rejects
 * with `data-directory-in-use`, naming the holder, or `data-directory-unusable`.
 *
 * Nothing in this process may ever open `service.lock` by other means: closing any descriptor of
 * it would drop the lock.
 */
async function takeDirectoryLock(
  directory: string,
  description: string,
  since: string,
): Promise<DirectoryLock> {
  const database = await lock(directory);
  const holderFile = join(directory, HOLDER_FILE);
  const holder: Holder = { pid: process.pid, host: hostname(), since, description };
  // Not synced: who was the holder is of no interest after a power cut.
  const tell = (more: Partial<Holder>): Promise<void> =>
    writeFile(holderFile, `${JSON.stringify({ ...holder, ...more })}\n`, { mode: 0o600 });
  try {
    await tell({});
  } catch (error) {
    database.close();
    throw unusable(directory, error);
  }
  return {
    announce: (url) => tell({ url }),
    release: async () => {
      if (database.open) {
        // Before the lock goes: afterwards the file may be the next holder's.
        await rm(holderFile, { force: true });
        database.close();
      }
    },
  };
}

async function lock(directory: string): Promise<Database.Database> {
  let database: Database.Database | undefined;
  try {
    await makeDirectory(directory);
    database = new Database(join(directory, LOCK_FILE), { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY")) {
      throw await inUse(directory);
    }
    throw unusable(directory, error);
  }
}

async function inUse(directory: string): Promise<Conflict> {
  const holder = await readHolder(directory);
  const by =
    holder === undefined
      ? "another process"
      : `process ${holder.pid} on ${holder.host} since ${holder.since} (${holder.description})`;
  return new Conflict("data-directory-in-use", `${directory} is in use by ${by}`, {
    hint: "Stop that process, or use another data directory",
    details: { directory, ...(holder === undefined ? {} : { holder }) },
  });
}

/** Undefined while it has the lock but has not written its name yet. */
export async function readHolder(directory: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, HOLDER_FILE), "utf8")) as Holder;
  } catch {
    // The holder has the lock but has not written its name yet: it stays unnamed.
    return undefined;
  }
}

function unusable(directory: string, error: unknown): Unavailable {
  const cause = error instanceof Error ? error.message : String(error);
  return new Unavailable("data-directory-unusable", `${directory} cannot be locked: ${cause}`, {
    hint: "See that the directory is on a local disk with free space and belongs to this user",
    details: { directory },
  });
}
