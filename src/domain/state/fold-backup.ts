import type { BackupEvents } from "../backup/events.ts";
import type { FoldEvent } from "../events.ts";
import type { IntegrityEvents } from "../integrity/events.ts";
import { contradiction } from "./contradiction.ts";
import type { RestoreEvent } from "./fold-restore.ts";
import { happened } from "./happened.ts";
import { ended } from "./leaving.ts";
import { newestVerified } from "./newest-verified.ts";
import type { BackupState, DatabaseState, LedgerState } from "./state.ts";

type BackupEvent = Exclude<
  Extract<FoldEvent, { type: keyof BackupEvents | keyof IntegrityEvents }>,
  RestoreEvent
>;
type EventNamed<T extends BackupEvent["type"]> = Extract<BackupEvent, { type: T }>;

/** Folds backups and integrity checks. */
export function foldBackup(state: LedgerState, database: DatabaseState, event: BackupEvent): void {
  switch (event.type) {
    case "BackupStarted":
      return startBackup(state, database, event);
    case "BackupCompleted": {
      const backup = entry(state.backups, event.data.backupId, event);
      backup.status = "completed";
      backup.facts = event.data;
      backup.completed = happened(event);
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
    case "BackupVerificationRequested": {
      const backup = entry(state.backups, event.data.backupId, event);
      database.openVerifications.add(backup.id);
      backup.verification = { status: "running", at: happened(event), error: null };
      return;
    }
    case "BackupVerificationAborted": {
      const { backupId, error } = event.data;
      database.openVerifications.delete(backupId);
      const backup = state.backups.get(backupId);
      if (backup !== undefined)
        backup.verification = { status: "aborted", at: happened(event), error };
      return;
    }
    case "BackupVerified": {
      const backup = entry(state.backups, event.data.backupId, event);
      database.openVerifications.delete(backup.id);
      backup.status = "verified";
      backup.verified = happened(event);
      backup.verification = { status: "passed", at: backup.verified, error: null };
      // An older one that is verified again does not become the newest.
      if (backup.kind === "full" && isNewer(state, backup, database.lastBackup))
        database.lastBackup = backup.id;
      return;
    }
    case "BackupVerificationFailed": {
      const backup = entry(state.backups, event.data.backupId, event);
      database.openVerifications.delete(backup.id);
      backup.status = "damaged";
      backup.error = event.data.error;
      backup.verification = { status: "failed", at: happened(event), error: event.data.error };
      if (database.lastBackup === backup.id) database.lastBackup = newestVerified(state, database);
      return;
    }
    case "TableBackupCompleted":
      return addTableBackup(state, database, event);
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

function entry<T>(map: ReadonlyMap<string, T>, id: string, event: FoldEvent): T {
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
    completed: null,
    verified: null,
    verification: null,
    pruned: null,
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
    completed: happened(event),
    verified: null,
    verification: null,
    pruned: null,
    error: null,
  });
}

function isNewer(state: LedgerState, backup: BackupState, than: string | null): boolean {
  const other = than === null ? undefined : state.backups.get(than);
  return other === undefined || backup.started.index >= other.started.index;
}
