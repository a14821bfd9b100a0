import type { BackupState, RestoreState } from "../../domain/state/state.ts";
import type { Names } from "./names.ts";
import { consentView } from "./undertaking-view.ts";

/** A backup, as the API shows it. Sizes are null until it is completed. */
export const backupView = (backup: BackupState, names: Names): object => ({
  id: backup.id,
  database: names.database(backup.databaseId),
  databaseId: backup.databaseId,
  kind: backup.kind,
  purpose: backup.purpose,
  tables: backup.tables ?? null,
  runId: backup.runId ?? null,
  status: backup.status,
  bytes: backup.facts?.bytes ?? null,
  storedBytes: backup.facts?.storedBytes ?? null,
  sha256: backup.facts?.sha256 ?? null,
  fingerprint: backup.facts?.fingerprint ?? null,
  rows: backup.facts?.rows ?? null,
  applied: backup.facts?.applied ?? null,
  durationMs: backup.facts?.durationMs ?? null,
  startedAt: backup.started.time,
  startedBy: names.actor(backup.started.actor),
  completedAt: backup.completed?.time ?? null,
  prunedAt: backup.pruned?.time ?? null,
  verifiedAt: backup.verified?.time ?? null,
  verification: verificationView(backup),
  error: backup.error,
  eventIndex: backup.started.index,
});

/** The newest verification: what became of it, since when, and by which event. */
const verificationView = ({ verification }: BackupState): object | null =>
  verification === null
    ? null
    : {
        status: verification.status,
        at: verification.at.time,
        error: verification.error,
        eventIndex: verification.at.index,
      };

/** A restore, as the API shows it. */
export const restoreView = (restore: RestoreState, names: Names): object => ({
  id: restore.id,
  database: names.database(restore.databaseId),
  databaseId: restore.databaseId,
  backupId: restore.backupId,
  safetyBackupId: restore.safetyBackupId,
  runId: restore.runId ?? null,
  recoveryId: restore.recoveryId ?? null,
  beforeRun: restore.order.beforeRun ?? null,
  at: restore.order.at ?? null,
  target: restore.order.target ?? null,
  sha256: restore.facts?.sha256 ?? null,
  method: restore.order.method ?? null,
  tables: tablesOf(restore),
  onConflict: restore.order.onConflict ?? null,
  triggers: restore.order.triggers ?? null,
  reason: restore.reason,
  status: restore.status,
  planDigest: restore.planDigest === "" ? null : restore.planDigest,
  exempt: restore.exempt,
  ...consentView(restore, names),
  requestedBy: names.actor(restore.requested.actor),
  requestedAt: restore.requested.time,
  startedAt: restore.started?.time ?? null,
  endedAt: restore.ended?.time ?? null,
  fingerprint: restore.facts?.fingerprint ?? null,
  applied: restore.facts?.applied ?? null,
  rowsBefore: restore.facts?.rowsBefore ?? null,
  rowsAfter: restore.facts?.rowsAfter ?? null,
  durationMs: restore.facts?.durationMs ?? null,
  findings: restore.findings,
  cancelledBy: restore.cancel === null ? null : names.actor(restore.cancel.actor),
  error: restore.error,
  eventIndex: restore.requested.index,
});

/** What happened to each, once it is known; the names alone before. */
const tablesOf = ({ order, facts }: RestoreState): readonly object[] | null =>
  facts?.tables ?? order.tables?.map((table) => ({ table })) ?? null;
