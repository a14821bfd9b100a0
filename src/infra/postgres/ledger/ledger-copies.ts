import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { LedgerCopies } from "../../../domain/ledger-backup/ledger-copies.ts";
import { Unavailable } from "../../../domain/shared/errors.ts";
import { exportFile } from "./export-file.ts";
import { openSession, type LedgerPlace } from "./session.ts";
import { drop } from "./sessions.ts";

/** Copies a ledger in PostgreSQL into SQLite files, over connections of their own. */
export class PostgresLedgerCopies implements LedgerCopies {
  readonly #place: LedgerPlace;

  constructor(place: LedgerPlace) {
    this.#place = place;
  }

  async copyTo(path: string): Promise<{ readonly size: number }> {
    const client = await openSession(this.#place, "reader");
    try {
      return await exportFile(client, path);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Unavailable("ledger-copy-failed", `The ledger could not be copied: ${why}`, {
        hint: "See that the disk has space and the ledger's server can be reached",
      });
    } finally {
      await drop(client);
    }
  }

  /** Has somebody look at a copy, which is gone afterwards. */
  async withCopy<T>(scratch: string, use: (file: string) => Promise<T>): Promise<T> {
    const directory = join(scratch, `ledger-${randomUUID()}`);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    try {
      const file = join(directory, "ledger.db");
      await this.copyTo(file);
      return await use(file);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}
