import Database from "better-sqlite3";
import { readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { Conflict, Unavailable } from "../../domain/shared/errors.ts";
import { makeDirectory, writeFileAtomic } from "./atomic-write.ts";

const LOCK_FILE = "service.lock";
const HOLDER_FILE = "service.holder.json";

export interface DirectoryLock {
  /** Idempotent. Without it the lock ends with the process, however that ends. */
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
  readonly description: string;
}

/**
 * Takes the data directory for this process. The lock is the kernel's (SQLite's exclusive lock on
 * `service.lock`), so a dead holder never has to be cleared away. `since` is RFC 3339. Rejects
 * with `data-directory-in-use`, naming the holder, or `data-directory-unusable`.
 *
 * Nothing in this process may ever open `service.lock` by other means: closing any descriptor of
 * it would drop the lock.
 */
export async function acquireDirectoryLock(
  directory: string,
  description: string,
  since: string,
): Promise<DirectoryLock> {
  const database = await lock(directory);
  const holderFile = join(directory, HOLDER_FILE);
  const holder: Holder = { pid: process.pid, host: hostname(), since, description };
  try {
    await writeFileAtomic(holderFile, `${JSON.stringify(holder)}\n`);
  } catch (error) {
    database.close();
    throw unusable(directory, error);
  }
  return {
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

async function readHolder(directory: string): Promise<Holder | undefined> {
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
