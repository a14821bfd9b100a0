import { Unavailable } from "../../domain/shared/errors.ts";
import { inSnapshot, pragmaNumber, type Connection } from "./connection.ts";
import { isBusy } from "./sqlite-error.ts";
import { whileBusy } from "./waiting.ts";

/** Pages copied between two looks at the event loop. */
const PAGES_A_STEP = 2_000;

/** Steps without a copied page before the copy counts as blocked. */
const STALLED_STEPS = 200;

/** What says that a try was blocked; `whileBusy` repeats it. */
class CopyBlocked extends Error {
  readonly code = "SQLITE_BUSY";
}

export interface OnlineCopy {
  readonly source: Connection;
  readonly destination: string;
  readonly deadline: number;
  /** Reads what must be of the very moment of the copy. */
  readonly alongside?: () => void;
  /** Called once the destination is locked and before the first page. A throw ends the copy. */
  readonly onLocked?: () => void;
  readonly onProgress?: (fraction: number) => void;
  readonly busyCode: string;
}

/**
 * Copies a database into `destination` in one transaction of it, from one moment of the source.
 * Repeats while others are in the way; rejects with `busyCode` after the deadline. Resolves with
 * the number of pages, which the destination must have when it is read back.
 *
 * The driver resolves as if it had worked when its first step was blocked and nothing was copied:
 * only a page count equal to the source's, under the read transaction that holds the moment, is
 * success.
 */
export async function copyOnline(copy: OnlineCopy): Promise<number> {
  if (copy.destination !== copy.destination.trim())
    throw new Unavailable("path-not-usable", "A path may not begin or end with a blank");
  try {
    return await whileBusy(copy.deadline, () => inSnapshot(copy.source, () => copyOnce(copy)));
  } catch (error) {
    if (!isBusy(error)) throw error;
    throw new Unavailable(
      copy.busyCode,
      "The copy was blocked by other connections until the end",
      {
        hint: "Let the application finish its transactions, or try again when it is less busy",
      },
    );
  }
}

async function copyOnce(copy: OnlineCopy): Promise<number> {
  const { source } = copy;
  // Without a read there is no snapshot: BEGIN alone takes none.
  source.prepare("SELECT count(*) FROM main.sqlite_schema").get();
  const pages = pragmaNumber(source, "page_count");
  copy.alongside?.();
  let left = -1;
  let stalled = 0;
  const { totalPages } = await source.backup(copy.destination, {
    progress: ({ totalPages: total, remainingPages }) => {
      if (left === -1 && total > 0) copy.onLocked?.();
      // Blocked in the middle, the driver tries for ever and cannot be told to stop, but by a throw.
      stalled = remainingPages === left ? stalled + 1 : 0;
      if (stalled > STALLED_STEPS) throw new CopyBlocked("The copy does not proceed");
      left = remainingPages;
      copy.onProgress?.(total === 0 ? 0 : 1 - remainingPages / total);
      return PAGES_A_STEP;
    },
  });
  if (totalPages === 0 || totalPages !== pages) throw new CopyBlocked("Nothing was copied");
  return pages;
}
