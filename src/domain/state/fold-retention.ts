import type { FoldEvent } from "../events.ts";
import type { RetentionEvents } from "../retention/events.ts";
import { contradiction } from "./contradiction.ts";
import { happened } from "./happened.ts";
import { ended } from "./leaving.ts";
import { newestVerified } from "./newest-verified.ts";
import type { PruneState } from "./safekeeping-state.ts";
import type { DatabaseState, LedgerState } from "./state.ts";

type RetentionEvent = Extract<FoldEvent, { type: keyof RetentionEvents }>;

/** Folds prunes and legal holds. */
export function foldRetention(
  state: LedgerState,
  database: DatabaseState,
  event: RetentionEvent,
): void {
  switch (event.type) {
    case "PruneRequested":
      return request(state, database, event);
    case "PruneStarted": {
      const prune = pruneOf(state, event);
      prune.status = "running";
      prune.intended = event.data.backups;
      return;
    }
    case "BackupPruned":
      return backupPruned(state, database, event);
    case "PruneCompleted": {
      const { freedBytes, spared, durationMs } = event.data;
      const prune = pruneOf(state, event);
      Object.assign(prune, { status: "succeeded", freedBytes, spared, durationMs });
      return end(database, prune, event);
    }
    case "PruneFailed": {
      const prune = pruneOf(state, event);
      Object.assign(prune, { status: "failed", error: event.data.error });
      return end(database, prune, event);
    }
    case "LegalHoldPlaced": {
      const { holdId, backupId = null, reason } = event.data;
      database.holds.set(holdId, { id: holdId, backupId, reason, placed: happened(event) });
      return;
    }
    case "LegalHoldReleased":
      if (!database.holds.delete(event.data.holdId))
        throw contradiction(event, "the hold was never placed, or is released");
      return;
  }
}

function request(
  state: LedgerState,
  database: DatabaseState,
  event: Extract<RetentionEvent, { type: "PruneRequested" }>,
): void {
  const { pruneId, reason, runId } = event.data;
  state.prunes.set(pruneId, {
    id: pruneId,
    databaseId: database.id,
    reason,
    runId,
    requested: happened(event),
    status: "queued",
    intended: [],
    pruned: [],
    spared: [],
    freedBytes: 0,
    durationMs: null,
    ended: null,
    error: null,
  });
  database.openPrunes.add(pruneId);
}

/** Each event of a prune names it. */
function pruneOf(
  state: LedgerState,
  event: Extract<RetentionEvent, { data: { readonly pruneId: string } }>,
): PruneState {
  const prune = state.prunes.get(event.data.pruneId);
  if (prune === undefined) throw contradiction(event, `${event.data.pruneId} was never requested`);
  return prune;
}

function backupPruned(
  state: LedgerState,
  database: DatabaseState,
  event: Extract<RetentionEvent, { type: "BackupPruned" }>,
): void {
  const backup = state.backups.get(event.data.backupId);
  if (backup === undefined) throw contradiction(event, `${event.data.backupId} was never taken`);
  backup.status = "pruned";
  backup.pruned = happened(event);
  ended(database, "backups", backup.id);
  pruneOf(state, event).pruned.push(backup.id);
  if (database.lastBackup === backup.id) database.lastBackup = newestVerified(state, database);
}

function end(database: DatabaseState, prune: PruneState, event: RetentionEvent): void {
  prune.ended = happened(event);
  database.openPrunes.delete(prune.id);
  ended(database, "prunes", prune.id);
}
