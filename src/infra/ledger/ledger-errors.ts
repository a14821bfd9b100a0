import { DomainError, Unavailable } from "../../domain/shared/errors.ts";

/** What the file system or SQLite says, in our words: whoever starts the service must know what to do. */
export function openFailed(file: string, error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new Unavailable("ledger-open-failed", `${file} cannot be opened: ${why}`, {
    hint: "Look at the disk, its free space and the file's permissions; if the file itself is damaged, recover from the backup store",
  });
}

/** The same of an append; nothing of it was stored. */
export function writeFailed(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new Unavailable("ledger-write-failed", `The ledger could not be written: ${why}`, {
    hint: "Free disk space or repair the file system, then try again under the same key",
  });
}

/** Whoever only reads may not append. */
export const readOnly = (): Unavailable =>
  new Unavailable("ledger-read-only", "The ledger was opened for reading only", {
    hint: "This copy of the ledger was opened for reading only; append through the service",
  });
