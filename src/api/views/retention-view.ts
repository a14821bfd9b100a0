import type { RetainedBackup } from "../../domain/retention/retention.ts";
import type { HoldState, PruneState } from "../../domain/state/safekeeping-state.ts";
import type { Names } from "./names.ts";

/** A prune, as the API shows it. */
export const pruneView = (prune: PruneState, names: Names): object => ({
  id: prune.id,
  database: names.database(prune.databaseId),
  databaseId: prune.databaseId,
  status: prune.status,
  reason: prune.reason,
  runId: prune.runId ?? null,
  intended: prune.intended,
  pruned: prune.pruned,
  spared: prune.spared,
  freedBytes: prune.freedBytes,
  requestedBy: names.actor(prune.requested.actor),
  requestedAt: prune.requested.time,
  endedAt: prune.ended?.time ?? null,
  durationMs: prune.durationMs,
  error: prune.error,
  eventIndex: prune.requested.index,
});

/** A legal hold, as the API shows it. */
export const holdView = (hold: HoldState, names: Names): object => ({
  id: hold.id,
  backupId: hold.backupId,
  reason: hold.reason,
  placedBy: names.actor(hold.placed.actor),
  placedAt: hold.placed.time,
  eventIndex: hold.placed.index,
});

/** What a prune would do to each backup in the store, newest first. */
export const prunePlanView = (plan: readonly RetainedBackup[]): object => {
  const items = plan.toReversed().map(({ backup, kept, pruned }) => ({
    id: backup.id,
    kind: backup.kind,
    purpose: backup.purpose,
    status: backup.status,
    completedAt: backup.completed?.time ?? null,
    bytes: backup.facts?.bytes ?? null,
    storedBytes: backup.facts?.storedBytes ?? null,
    action: pruned === null ? "keep" : "prune",
    because: pruned === null ? kept : [pruned],
  }));
  const going = plan.filter(({ pruned }) => pruned !== null);
  return {
    dryRun: true,
    kept: plan.length - going.length,
    pruned: going.length,
    storedBytes: going.reduce((sum, { backup }) => sum + (backup.facts?.storedBytes ?? 0), 0),
    items,
  };
};
