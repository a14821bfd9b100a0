import type { RecoveryState } from "../../domain/state/safekeeping-state.ts";
import type { Names } from "./names.ts";

/** A recovery, as the API shows it. */
export const recoveryView = (recovery: RecoveryState, names: Names): object => {
  const { plan, facts, failure } = recovery;
  const known = facts ?? failure;
  return {
    id: recovery.id,
    database: names.database(recovery.databaseId),
    databaseId: recovery.databaseId,
    status: recovery.status,
    reason: recovery.reason,
    procedure: plan?.procedure ?? recovery.asked ?? null,
    findings: plan?.findings ?? [],
    exempt: plan?.exempt ?? null,
    failedRunId: plan?.failedRunId ?? null,
    candidates: plan?.candidates ?? [],
    versions: plan?.versions ?? null,
    rejected: known?.rejected ?? [],
    backupId: facts?.backupId ?? null,
    restoreId: known?.restoreId ?? null,
    runId: known?.runId ?? null,
    window: known?.window ?? null,
    requestedBy: names.actor(recovery.requested.actor),
    requestedAt: recovery.requested.time,
    endedAt: recovery.ended?.time ?? null,
    durationMs: facts?.durationMs ?? null,
    error: failure?.error ?? null,
    eventIndex: recovery.requested.index,
  };
};
