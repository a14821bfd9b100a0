import { DomainError, Unavailable } from "../../domain/shared/errors.ts";

const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);
const MISSING: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR"]);
const TAKEN: ReadonlySet<string> = new Set(["EEXIST", "ENOTEMPTY"]);

/** Does `work`, telling what the file system refuses in the words of the store. */
export async function storing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DomainError ? error : storeError(error);
  }
}

export function isMissing(error: unknown): boolean {
  return MISSING.has(codeOf(error));
}

export function isTaken(error: unknown): boolean {
  return TAKEN.has(codeOf(error));
}

export function unreadableManifest(backupId: string): Unavailable {
  return new Unavailable("backup-manifest-damaged", `The manifest of ${backupId} is damaged`, {
    hint: "Use another backup; this one's snapshot can be checked against the ledger by hand",
  });
}

/** Exported for tests: a full disk is hard to come by. */
export function storeError(error: unknown): Unavailable {
  const cause = error instanceof Error ? error.message : String(error);
  if (FULL.has(codeOf(error))) {
    return new Unavailable("backup-store-full", "The backup store has no space left", {
      hint: "Free or add disk space at the backup directory, then try again",
      details: { cause },
    });
  }
  return new Unavailable("backup-store-failed", `The backup store failed (${codeOf(error)})`, {
    hint: "See that the backup directory is there, writable by the service's user, and its disk well",
    details: { cause },
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
