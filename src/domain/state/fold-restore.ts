import type { FoldEvent } from "../events.ts";
import type { Exemption } from "../governance/events.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import { contradiction } from "./contradiction.ts";
import { lapseAdoptions } from "./fold-adoption.ts";
import { ended } from "./leaving.ts";
import { happened } from "./happened.ts";
import type { DatabaseState, LedgerState, RestoreState } from "./state.ts";

export type RestoreEvent = Extract<
  FoldEvent,
  {
    type:
      | "RestoreRequested"
      | "RestoreCancelRequested"
      | "RestoreStarted"
      | "RestoreCompleted"
      | "RestoreFailed";
  }
>;
type EventNamed<T extends RestoreEvent["type"]> = Extract<RestoreEvent, { type: T }>;

/** Folds what happens to a restore. */
export function foldRestore(
  state: LedgerState,
  database: DatabaseState,
  event: RestoreEvent,
): void {
  if (event.type === "RestoreRequested") return request(state, database, event);
  const restore = state.restores.get(event.data.restoreId);
  if (restore === undefined)
    throw contradiction(event, `${event.data.restoreId} was never started`);
  switch (event.type) {
    case "RestoreCancelRequested":
      restore.cancel = { ...happened(event), reason: event.data.reason };
      return;
    case "RestoreStarted":
      restore.status = "running";
      restore.started = happened(event);
      restore.safetyBackupId = event.data.safetyBackupId;
      restore.incarnation = event.data.incarnation;
      restore.sha256 = event.data.sha256 ?? null;
      return;
    case "RestoreCompleted":
      return complete(state, database, restore, event);
    case "RestoreFailed":
      restore.status = event.data.error.code === "cancelled" ? "cancelled" : "failed";
      restore.error = event.data.error;
      restore.findings = event.data.findings ?? [];
      return endRestore(database, restore, event);
  }
}

/** Nothing of it will happen any more. */
export function endRestore(database: DatabaseState, restore: RestoreState, event: FoldEvent): void {
  restore.ended = happened(event);
  database.openRestores.delete(restore.id);
  ended(database, "restores", restore.id);
}

function request(
  state: LedgerState,
  database: DatabaseState,
  event: EventNamed<"RestoreRequested">,
): void {
  const { restoreId, backupId, reason, runId, recoveryId } = event.data;
  const { tables, onConflict, triggers, target, method, beforeRun, at, reverts } = event.data;
  const { approvalsNeeded = 0 } = event.data;
  state.restores.set(restoreId, {
    what: "restore",
    id: restoreId,
    databaseId: database.id,
    backupId,
    reason,
    runId,
    recoveryId,
    order: withoutAbsent({ tables, onConflict, triggers, target, method, beforeRun, at, reverts }),
    planDigest: event.data.planDigest ?? "",
    risk: "destructive",
    notBefore: event.data.notBefore,
    exception: event.data.exception ?? false,
    emergency: event.data.emergency ?? false,
    reviewBy: event.data.reviewBy ?? null,
    exempt: event.data.exempt ?? exemptionOf(event.data),
    requested: happened(event),
    status: approvalsNeeded > 0 ? "awaiting-approval" : "queued",
    approvalsNeeded,
    approvals: [],
    scheduled: null,
    review: null,
    started: null,
    cancel: null,
    safetyBackupId: null,
    incarnation: null,
    sha256: null,
    ended: null,
    error: null,
    findings: [],
    facts: null,
  });
  database.openRestores.add(restoreId);
  if (runId !== undefined) state.runs.get(runId)?.restoreIds.push(restoreId);
}

/** Of those that were recorded before anybody was asked. */
function exemptionOf({ runId, target }: EventNamed<"RestoreRequested">["data"]): Exemption | null {
  if (target !== undefined) return "new-file";
  return runId === undefined ? null : "part-of-run";
}

function complete(
  state: LedgerState,
  database: DatabaseState,
  restore: RestoreState,
  event: EventNamed<"RestoreCompleted">,
): void {
  restore.status = "succeeded";
  restore.facts = event.data;
  restore.findings = event.data.findings ?? [];
  endRestore(database, restore, event);
  // A new file was written: the database is as it was.
  if (event.data.target !== undefined) return;
  database.incarnation = event.data.incarnation;
  database.fingerprint = event.data.fingerprint;
  database.schema = event.data.schema;
  database.drift = null;
  // Single tables say nothing of what else made the database uncertain, nor of its versions.
  if (restore.order.tables !== undefined) return;
  database.quarantine = null;
  restoreVersions(state, database, restore, event);
}

function restoreVersions(
  state: LedgerState,
  database: DatabaseState,
  restore: RestoreState,
  event: EventNamed<"RestoreCompleted">,
): void {
  const applied = new Set(event.data.applied);
  for (const migration of database.migrations.values()) {
    if (applied.has(migration.version) || migration.state !== "applied") continue;
    // Adopted ones have no markers.
    if (migration.applied?.runId === null) continue;
    migration.state = "reverted";
    migration.applied = null;
  }
  for (const version of applied) reapply(database, version, event);
  lapseAdoptions(database, state.backups.get(restore.backupId)?.started.index ?? 0);
  const run = restore.runId === undefined ? undefined : state.runs.get(restore.runId);
  for (const step of run?.steps ?? []) {
    const undone = step.direction === "up" ? step.status === "applied" : run?.kind === "rollback";
    if (undone && !applied.has(step.version)) {
      step.status = "reverted";
      step.eventIndex = event.index;
    }
  }
}

/** A restore can also bring a version back that had been rolled back since the backup. */
function reapply(
  database: DatabaseState,
  version: string,
  event: EventNamed<"RestoreCompleted">,
): void {
  const migration = database.migrations.get(version);
  if (migration === undefined || migration.state === "applied") return;
  migration.state = "applied";
  migration.applied = {
    ...happened(event),
    runId: event.data.restoreId,
    fingerprintBefore: null,
  };
}
