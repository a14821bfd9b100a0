import Sqlite from "better-sqlite3";
import type { LedgerCopies } from "../../domain/ledger-backup/ledger-copies.ts";
import { Unavailable } from "../../domain/shared/errors.ts";

/** Pages copied between two looks at the event loop: about a millisecond's worth. */
const PAGES_A_STEP = 200;

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
      const { totalPages } = await db.backup(path, { progress: () => PAGES_A_STEP });
      if (totalPages !== pages)
        throw new Unavailable("ledger-copy-failed", `${totalPages} pages of ${pages} were copied`, {
          hint: "See that the disk has space and nothing else has the ledger open",
        });
      return { size };
    } finally {
      if (db.inTransaction) db.exec("ROLLBACK");
      db.close();
      asOneFile(path);
    }
  }
}

const sizeOf = (db: Sqlite.Database): number =>
  db.prepare<[], number>("SELECT coalesce(max(idx) + 1, 0) FROM event").pluck().get()!;

/** A copy of a file in WAL mode says that it has a WAL: it would need side files to be read. */
function asOneFile(path: string): void {
  const copy = new Sqlite(path);
  try {
    copy.pragma("journal_mode = DELETE");
  } finally {
    copy.close();
  }
}
