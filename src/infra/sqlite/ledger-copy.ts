import Sqlite from "better-sqlite3";
import { writeFile } from "node:fs/promises";
import type { LedgerCopies } from "../../domain/ledger-backup/ledger-copies.ts";
import { Unavailable } from "../../domain/shared/errors.ts";

/** Pages copied between two looks at the event loop: about a millisecond's worth. */
const PAGES_A_STEP = 200;

/** Up to here a moment is held in memory and written at once, bytes. */
const SMALL = 4 << 20;

/** Copies the ledger file over a connection of its own, while the service appends to it. */
export class SqliteLedgerCopies implements LedgerCopies {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async copyTo(path: string): Promise<{ readonly size: number }> {
    const db = new Sqlite(this.#file, { readonly: true, fileMustExist: true });
    try {
      // The read holds the moment: without it the copy would begin again with every append.
      db.exec("BEGIN");
      const size = sizeOf(db);
      const pages = Number(db.pragma("page_count", { simple: true }));
      if (pages * Number(db.pragma("page_size", { simple: true })) <= SMALL) {
        await writeFile(path, withoutWal(db.serialize()), { mode: 0o600 });
        return { size };
      }
      const { totalPages } = await db.backup(path, { progress: () => PAGES_A_STEP });
      if (totalPages !== pages)
        throw new Unavailable("ledger-copy-failed", `${totalPages} pages of ${pages} were copied`, {
          hint: "See that the disk has space and nothing else has the ledger open",
        });
      asOneFile(path);
      return { size };
    } finally {
      if (db.inTransaction) db.exec("ROLLBACK");
      db.close();
    }
  }
}

const sizeOf = (db: Sqlite.Database): number =>
  db.prepare<[], number>("SELECT coalesce(max(idx) + 1, 0) FROM event").pluck().get()!;

/**
 * A copy of a file in WAL mode says that it has a WAL, in bytes 18 and 19: it would need side files to be
 * read.
 */
function withoutWal(bytes: Buffer): Buffer {
  bytes.fill(1, 18, 20);
  return bytes;
}

/** The same, of a file. It is stored elsewhere before anything counts on it: nothing is synced. */
function asOneFile(path: string): void {
  const copy = new Sqlite(path);
  try {
    copy.pragma("synchronous = OFF");
    copy.pragma("journal_mode = DELETE");
  } finally {
    copy.close();
  }
}
