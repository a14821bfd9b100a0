import type { BackupEvents } from "../backup/events.ts";
import type { RecordedEvent } from "../events.ts";
import type { IntegrityEvents } from "../integrity/events.ts";
import { contradiction } from "./contradiction.ts";
import { happened } from "./happened.ts";
import { ended } from "./leaving.ts";
import type { DatabaseState, LedgerState } from "./state.ts";

type BackupEvent = Extract<RecordedEvent, { type: keyof BackupEvents | keyof IntegrityEvents }>;
type EventNamed<T extends BackupEvent["type"]> = Extract<BackupEvent, { type: T }>;

/** Folds backups, restores and integrity checks. */
export function foldBackup(state: LedgerState, database: DatabaseState, event: BackupEvent): void {
  switch (event.type) {
    case "BackupStarted":
      return startBackup(state, database, event);
    case "BackupCompleted": {
      const backup = entry(state.backups, event.data.backupId, event);
      backup.status = "completed";
      backup.facts = event.data;
      database.openBackups.delete(backup.id);
      return;
    }
    case "BackupFailed": {
      const backup = entry(state.backups, event.data.backupId, event);
      backup.status = "failed";
      backup.error = event.data.error;
      database.openBackups.delete(backup.id);
      ended(database, "backups", backup.id);
      return;
    }
    case "BackupVerificationRequested":
      database.openVerifications.add(entry(state.backups, event.data.backupId, event).id);
      return;
    case "BackupVerificationAborted":
      database.openVerifications.delete(event.data.backupId);
      return;
    case "BackupVerified": {
      const backup = entry(state.backups, event.data.backupId, event);
      database.openVerifications.delete(backup.id);
      backup.status = "verified";
      backup.verified = happened(event);
      if (backup.kind === "full") database.lastBackup = backup.id;
      return;
    }
    case "BackupVerificationFailed": {
      const backup = entry(state.backups, event.data.backupId, event);
      database.openVerifications.delete(backup.id);
      backup.status = "damaged";
      backup.error = event.data.error;
      if (database.lastBackup === backup.id) database.lastBackup = null;
      return;
    }
    case "TableBackupCompleted":
      return addTableBackup(state, database, event);
    case "RestoreRequested":
      return requestRestore(state, database, event);
    case "RestoreStarted": {
      const restore = entry(state.restores, event.data.restoreId, event);
      restore.status = "running";
      restore.safetyBackupId = event.data.safetyBackupId;
      restore.incarnation = event.data.incarnation;
      return;
    }
    case "RestoreCompleted":
      return completeRestore(state, database, event);
    case "RestoreFailed": {
      const restore = entry(state.restores, event.data.restoreId, event);
      restore.status = "failed";
      restore.ended = happened(event);
      restore.error = event.data.error;
      database.openRestores.delete(restore.id);
      ended(database, "restores", restore.id);
      return;
    }
    case "IntegrityCheckStarted": {
      const { checkId, level, runId } = event.data;
      state.checks.set(checkId, {
        id: checkId,
        databaseId: database.id,
        level,
        runId,
        started: happened(event),
        status: "running",
        ended: null,
        findings: [],
        durationMs: null,
      });
      database.openChecks.add(checkId);
      return;
    }
    case "IntegrityCheckCompleted": {
      const check = entry(state.checks, event.data.checkId, event);
      check.status = event.data.status;
      check.ended = happened(event);
      check.findings = event.data.findings;
      check.durationMs = event.data.durationMs;
      database.openChecks.delete(check.id);
      database.lastCheck = check.id;
      ended(database, "checks", check.id);
      return;
    }
  }
}

function entry<T>(map: ReadonlyMap<string, T>, id: string, event: RecordedEvent): T {
  const found = map.get(id);
  if (found === undefined) throw contradiction(event, `${id} was never started, or has ended`);
  return found;
}

function startBackup(
  state: LedgerState,
  database: DatabaseState,
  event: EventNamed<"BackupStarted">,
): void {
  const { backupId, kind, purpose, tables, runId } = event.data;
  state.backups.set(backupId, {
    id: backupId,
    databaseId: database.id,
    kind,
    purpose,
    tables,
    runId,
    started: happened(event),
    status: "running",
    facts: null,
    verified: null,
    error: null,
  });
  database.openBackups.add(backupId);
  const run = runId === undefined ? undefined : state.runs.get(runId);
  if (run !== undefined && kind === "full" && purpose === "run") run.backupId = backupId;
}

function addTableBackup(
  state: LedgerState,
  database: DatabaseState,
  event: EventNamed<"TableBackupCompleted">,
): void {
  const { backupId, tables, runId, method, bytes, storedBytes, sha256 } = event.data;
  if (method === "contained") return;
  state.backups.set(backupId, {
    id: backupId,
    databaseId: database.id,
    kind: "table",
    purpose: "run",
    tables: Object.keys(tables),
    runId,
    started: happened(event),
    status: "completed",
    facts: {
      backupId,
      bytes: bytes ?? 0,
      storedBytes: storedBytes ?? bytes ?? 0,
      sha256: sha256 ?? "",
      fingerprint: database.fingerprint,
      rows: tables,
      applied: [],
      incarnation: database.incarnation,
      durationMs: 0,
    },
    verified: null,
    error: null,
  });
}

function requestRestore(
  state: LedgerState,
  database: DatabaseState,
  event: EventNamed<"RestoreRequested">,
): void {
  const { restoreId, backupId, reason, runId } = event.data;
  state.restores.set(restoreId, {
    id: restoreId,
    databaseId: database.id,
    backupId,
    reason,
    runId,
    requested: happened(event),
    status: "queued",
    safetyBackupId: null,
    incarnation: null,
    ended: null,
    error: null,
    facts: null,
  });
  database.openRestores.add(restoreId);
  if (runId !== undefined) state.runs.get(runId)?.restoreIds.push(restoreId);
}

function completeRestore(
  state: LedgerState,
  database: DatabaseState,
  event: EventNamed<"RestoreCompleted">,
): void {
  const restore = entry(state.restores, event.data.restoreId, event);
  restore.status = "succeeded";
  restore.ended = happened(event);
  restore.facts = event.data;
  database.openRestores.delete(restore.id);
  ended(database, "restores", restore.id);
  database.incarnation = event.data.incarnation;
  database.fingerprint = event.data.fingerprint;
  database.schema = event.data.schema;
  database.drift = null;
  database.quarantine = null;
  const applied = new Set(event.data.applied);
  for (const migration of database.migrations.values()) {
    if (applied.has(migration.version) || migration.state !== "applied") continue;
    migration.state = "reverted";
    migration.applied = null;
  }
  for (const version of applied) reapply(database, version, event);
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
