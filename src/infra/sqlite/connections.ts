import { closeSync, fdatasyncSync, fstatSync, fsyncSync, openSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { Unavailable } from "../../domain/shared/errors.ts";
import { openDatabase, rollback, type Connection, type Purpose } from "./connection.ts";
import { fileId, identityOf } from "./files.ts";
import type { KnownState } from "./step-state.ts";

/** The connection that steps run on. It stays open: closing the last one would empty the WAL. */
export interface StepConnection {
  readonly db: Connection;
  /** Schema and counts after the last step on this connection. */
  known: KnownState | undefined;
  /** A step left something behind that must not act on the next one. */
  tainted: boolean;
}

/** The open connections of one session to one database file. */
export class Connections {
  readonly #path: string;
  #step: StepConnection | undefined;
  #fileId: string | undefined;
  /** The WAL whose name in the directory is durable. */
  #namedWal: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The connection for the next step: the last one, unless it is tainted or the file is another. */
  async step(): Promise<StepConnection> {
    const present = fileId(this.#path);
    if (present !== this.#fileId) this.closeAll();
    const last = this.#step;
    if (last !== undefined && !last.tainted && last.db.open) return last;
    const db = await openDatabase(this.#path, "managed");
    // Only now, so that the WAL is never without a connection.
    this.discard();
    this.#fileId = present;
    this.#namedWal = undefined;
    this.#step = { db, known: undefined, tainted: false };
    return this.#step;
  }

  /** Closes the step connection, which also gives up its locks and rolls back. */
  discard(): void {
    this.#step?.db.close();
    this.#step = undefined;
  }

  closeAll(): void {
    this.discard();
    this.#fileId = undefined;
  }

  /** Throws `database-replaced` if the path leads to another file than the one that is open. */
  requireSameFile(): void {
    if (fileId(this.#path) === this.#fileId) return;
    throw new Unavailable("database-replaced", "The database file was deleted or replaced", {
      hint: "Something else writes to this path; put the file back, or restore a verified backup",
    });
  }

  /** Makes durable what `brief` transactions committed: the WAL, or that the journal is gone. */
  harden(): void {
    const path = realpathSync(this.#path);
    const wal = openIfThere(`${path}-wal`, "r+");
    let id: string | undefined;
    if (wal !== undefined)
      withDescriptor(wal, (fd) => {
        fdatasyncSync(fd);
        id = identityOf(fstatSync(fd, { bigint: true }));
      });
    // Of a WAL that has its name for good there is nothing more to say.
    if (id !== undefined && id === this.#namedWal) return;
    withDescriptor(openSync(dirname(path), "r"), fsyncSync);
    this.#namedWal = id;
  }

  /** Runs `use` on a connection of its own, closed afterwards. */
  async using<T>(purpose: Purpose, use: (db: Connection) => T | Promise<T>): Promise<T> {
    await this.step();
    return withDatabase(this.#path, purpose, use);
  }
}

/** Opens a database for `use` and closes it, whatever happens. */
export async function withDatabase<T>(
  path: string,
  purpose: Purpose,
  use: (db: Connection) => T | Promise<T>,
): Promise<T> {
  const db = await openDatabase(path, purpose);
  try {
    return await use(db);
  } finally {
    rollback(db);
    db.close();
  }
}

/** SQLite keeps no locks on a WAL: another descriptor of it may be closed. */
function openIfThere(path: string, flags: string): number | undefined {
  try {
    return openSync(path, flags);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function withDescriptor(fd: number, use: (fd: number) => void): void {
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}
