import { setTimeout as delay } from "node:timers/promises";
import { Unavailable } from "../../domain/shared/errors.ts";
import { journalMode, pragmaNumber, rollback, type Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { freeBytes, sizeOf } from "./files.ts";
import { isBusy } from "./sqlite-error.ts";

/** How long to try: a reader that stays, or writers without a pause, prevent it. */
const FREEZE_MS = 2_000;
const PAUSE_MS = 5;
/** The WAL grows while the file is frozen: this much of the disk is left to the application. */
const LEFT_FREE = 128 << 20;
const WATCH_MS = 500;

/** A moment of the database that its main file holds alone, until it is let go. */
export interface Frozen {
  /** Holds the moment; what it reads is of it. */
  readonly db: Connection;
  readonly path: string;
  readonly bytes: number;
  /** Aborted when the moment can be held no longer. */
  readonly signal: AbortSignal;
}

/**
 * Freezes the main file of a database in WAL mode: everything committed is in it, and a reader that
 * reads from the file alone keeps others from changing it, while they go on writing to the WAL. The
 * file must be read by another process. Undefined if that cannot be brought about soon; else what
 * `use` resolves with, once it is certain that nothing changed meanwhile.
 */
export async function withFrozenFile<T>(
  connections: Connections,
  path: string,
  use: (frozen: Frozen) => Promise<T>,
): Promise<T | undefined> {
  return connections.using("managed", async (holder) => {
    if (journalMode(holder) !== "wal") return undefined;
    const isFrozen = await connections.using("managed", (writer) => freeze(holder, writer));
    if (!isFrozen) return undefined;
    const bytes = pragmaNumber(holder, "page_count") * pragmaNumber(holder, "page_size");
    // A file that a shrinking left too long, or an empty one: the copy through SQLite handles it.
    if ((await sizeOf(path)) !== bytes) return undefined;
    const watch = new AbortController();
    const timer = setInterval(() => void abortWhenFull(path, watch), WATCH_MS);
    try {
      const result = await use({ db: holder, path, bytes, signal: watch.signal });
      if (!holder.inTransaction || (await sizeOf(path)) !== bytes) throw thawed();
      return result;
    } finally {
      clearInterval(timer);
      rollback(holder);
    }
  });
}

/** True with a read transaction open on `holder` that reads from the main file alone. */
async function freeze(holder: Connection, writer: Connection): Promise<boolean> {
  const deadline = performance.now() + FREEZE_MS;
  while (performance.now() < deadline) {
    if (tryFreeze(holder, writer)) return true;
    await delay(PAUSE_MS);
  }
  return false;
}

function tryFreeze(holder: Connection, writer: Connection): boolean {
  try {
    // Most of the WAL goes into the file while others can still write.
    checkpoint(writer);
    writer.exec("BEGIN IMMEDIATE");
    // Nobody appends now. What is left goes into the file, if no reader needs the file as it is.
    if (!checkpoint(holder)) return false;
    holder.exec("BEGIN");
    holder.prepare("SELECT count(*) FROM main.sqlite_schema").get();
    return true;
  } catch (error) {
    rollback(holder);
    if (isBusy(error)) return false;
    throw error;
  } finally {
    rollback(writer);
  }
}

interface Checkpointed {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/** Whether the main file has the whole WAL. That it was not `busy` says nothing about that. */
function checkpoint(db: Connection): boolean {
  const [found] = db.pragma("wal_checkpoint(PASSIVE)") as [Checkpointed];
  return found.busy === 0 && found.log >= 0 && found.log === found.checkpointed;
}

async function abortWhenFull(path: string, watch: AbortController): Promise<void> {
  // Without an answer nothing is known to be wrong; the next look is soon.
  const free = await freeBytes(path).catch(() => Infinity);
  if (free >= LEFT_FREE) return;
  watch.abort(
    new Unavailable("disk-full", "The disk of the database runs full while it is backed up", {
      hint: "Free disk space there: its WAL grows while a backup is read",
      details: { free },
    }),
  );
}

export const thawed = (): Unavailable =>
  new Unavailable("backup-busy", "The database file did not stay as it was while it was read", {
    hint: "Something else than SQLite writes to it, or it was replaced; try again",
  });
