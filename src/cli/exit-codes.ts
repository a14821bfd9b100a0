import { Conflict, DomainError, InvalidInput, NotFound, Refused } from "../domain/shared/errors.ts";

/** What the program ends with. Part of the public interface; `verify` has its own from 10 to 50. */
export const EXIT = {
  done: 0,
  /** The operation failed, and left everything as it was or as it says. */
  failed: 1,
  usage: 2,
  /** Refused by policy, without permission, or waiting for an approval. */
  refused: 3,
  /** Contradicts the present state, or somebody else has the lock. */
  conflict: 4,
  /** Integrity, drift or verification failure. */
  integrity: 5,
} as const;

/** Codes that say that something is not as the ledger says, whatever kind of error carries them. */
const INTEGRITY_CODES = new Set([
  "drift",
  "markers-differ",
  "markers-damaged",
  "marker-missing",
  "marker-unknown",
  "database-damaged",
  "integrity-check-failed",
  "ledger-damaged",
  "ledger-rolled-back",
  "ledger-behind-database",
  "ledger-origin-differs",
  "checkpoint-differs",
  "checkpoint-file-damaged",
  "backup-damaged",
  "backup-differs",
  "backup-manifest-damaged",
]);

/** The exit code for a thrown value: by its code where that says more, else by its kind. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof DomainError)) return EXIT.failed;
  const given = error.details["exitCode"];
  if (typeof given === "number") return given;
  return exitCodeOfFailure(error.code) ?? byKind(error);
}

/** The exit code that a failure's own code decides; undefined for all others. */
export const exitCodeOfFailure = (code: string): number | undefined =>
  INTEGRITY_CODES.has(code) ? EXIT.integrity : undefined;

function byKind(error: DomainError): number {
  if (error instanceof InvalidInput || error instanceof NotFound) return EXIT.usage;
  if (error instanceof Refused) return EXIT.refused;
  if (error instanceof Conflict) return EXIT.conflict;
  return EXIT.failed;
}
