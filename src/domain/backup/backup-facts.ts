import type { BackupManifest } from "./backup-store.ts";
import type { BackupFacts } from "./events.ts";

/** What the ledger keeps of a published backup. */
export const factsOf = (
  { backupId, content, fingerprint, rows, applied, incarnation }: BackupManifest,
  storedBytes: number,
  durationMs: number,
): BackupFacts => {
  const { bytes, sha256 } = content;
  const sizes = { bytes, storedBytes, sha256 };
  return { backupId, ...sizes, fingerprint, rows, applied, incarnation, durationMs };
};
