/** What a run or a restore comes to, from its request on. */
export const RUN_STATUSES = [
  "awaiting-approval",
  "scheduled",
  "queued",
  "running",
  "succeeded",
  "failed",
  "cancelled",
  "rejected",
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** What a backup comes to. `damaged`: it differs from what was recorded of it, and is never chosen again. */
export const BACKUP_STATUSES = [
  "running",
  "completed",
  "verified",
  "failed",
  "damaged",
  "pruned",
] as const;
export type BackupStatus = (typeof BACKUP_STATUSES)[number];
