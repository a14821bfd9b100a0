import type { EventType } from "../events.ts";

/** After these the ledger is backed up: what they tell is in the store, or changed a database. */
export const WORTH_A_BACKUP: ReadonlySet<EventType> = new Set([
  "BackupCompleted",
  "RunCompleted",
  "RunFailed",
  "RunCancelled",
  "RestoreCompleted",
  "PruneCompleted",
  "DatabaseRegistered",
  "KeyIssued",
  "KeyRotated",
]);
