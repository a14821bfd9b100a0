import { databaseIdOf, type FoldEvent } from "../events.ts";
import { WORTH_A_BACKUP } from "../ledger-backup/worth.ts";
import { contradiction } from "./contradiction.ts";
import { foldAdoption } from "./fold-adoption.ts";
import { foldAlerts } from "./fold-alerts.ts";
import { foldAssurance } from "./fold-assurance.ts";
import { foldBackup } from "./fold-backup.ts";
import { foldDatabase } from "./fold-database.ts";
import { foldGovernance } from "./fold-governance.ts";
import { foldRecovery } from "./fold-recovery.ts";
import { foldRestore } from "./fold-restore.ts";
import { foldRetention } from "./fold-retention.ts";
import { foldRun } from "./fold-run.ts";
import { foldSchedule } from "./fold-schedule.ts";
import { foldService } from "./fold-service.ts";
import { foldStep } from "./fold-step.ts";
import { release } from "./leaving.ts";
import type { DatabaseState, LedgerState } from "./state.ts";

/**
 * Folds one event into the state. Events must come without gap and in order; anything else, and
 * any event that contradicts the state, stops the fold (code `fold-contradiction`): a projection
 * never skips.
 */
export function fold(state: LedgerState, event: FoldEvent): void {
  if (event.index !== state.size)
    throw contradiction(event, `expected index ${state.size} to come next`);
  state.folding.active = true;
  try {
    const database = databaseOf(state, event);
    if (WORTH_A_BACKUP.has(event.type)) state.ledgerBackups.due = true;
    foldOne(state, database, event);
    const stream = database ?? databaseOf(state, event);
    if (stream !== undefined) {
      stream.streamVersion = event.streamVersion + 1;
      release(state, stream);
    }
  } finally {
    state.folding.active = false;
  }
  state.size = event.index + 1;
}

function databaseOf(state: LedgerState, event: FoldEvent): DatabaseState | undefined {
  const id = databaseIdOf(event.stream);
  return id === undefined ? undefined : state.databases.get(id);
}

function foldOne(state: LedgerState, database: DatabaseState | undefined, event: FoldEvent): void {
  switch (event.type) {
    case "AuditAccessed":
    case "ReportIssued":
    case "CheckpointAnchored":
    case "HeartbeatRecorded":
      // They say something of the ledger, and change nothing in what it is about.
      return;
    case "LedgerOpened":
    case "LedgerBackupStarted":
    case "LedgerBackupCompleted":
    case "LedgerBackupFailed":
    case "LedgerRestored":
    case "KeyIssued":
    case "KeyRevoked":
    case "KeyUsed":
    case "AccessRefused":
    case "KeyRotated":
    case "KeyRetired":
    case "SubjectErased":
    case "LedgerContinued":
    case "BackupKeyChanged":
    case "BackupStoreChanged":
    case "AuditReadsChanged":
    case "ServiceStarted":
    case "ServiceStopped":
      return foldService(state, event);
    case "DatabaseRegistered":
    case "SchemaBaselined":
    case "PolicyChanged":
    case "MigrationRegistered":
    case "MigrationWithdrawn":
    case "DeviationAccepted":
    case "MigrationRefused":
    case "DriftDetected":
    case "DriftChecked":
    case "DriftResolved":
    case "DatabaseQuarantined":
    case "DatabaseReleased":
    case "DatabaseRetired":
      return foldDatabase(state, database, event);
    case "HistoryImported":
    case "MigrationAdopted":
      return foldAdoption(known(database, event), event);
    case "RunRequested":
    case "RunStarted":
    case "RehearsalCompleted":
    case "RunCompleted":
    case "RunFailed":
    case "RunCancelled":
      return foldRun(state, known(database, event), event);
    case "RunApproved":
    case "RestoreApproved":
    case "PolicyChangeApproved":
    case "RunRejected":
    case "RestoreRejected":
    case "PolicyChangeRejected":
    case "PolicyChangeRequested":
    case "PolicyChangeCancelled":
    case "RestoreScheduled":
    case "ApprovalWithdrawn":
    case "ApprovalExpired":
    case "ApprovalRefused":
    case "RunScheduled":
    case "EmergencyReviewed":
    case "TestEvidenceRecorded":
      return foldGovernance(state, known(database, event), event);
    case "StepStarted":
    case "StepApplied":
    case "StepReverted":
    case "StepFailed":
    case "StepAborted":
    case "StepUnknown":
    case "StepResolved":
    case "RecoveryStarted":
      return foldStep(state, known(database, event), event);
    case "BackupStarted":
    case "BackupCompleted":
    case "BackupFailed":
    case "BackupVerified":
    case "BackupVerificationRequested":
    case "BackupVerificationAborted":
    case "BackupVerificationFailed":
    case "TableBackupCompleted":
    case "IntegrityCheckStarted":
    case "IntegrityCheckCompleted":
      return foldBackup(state, known(database, event), event);
    case "DatabaseRecoveryRequested":
    case "DatabaseRecoveryPlanned":
    case "DatabaseRecoveryCompleted":
    case "DatabaseRecoveryFailed":
      return foldRecovery(state, known(database, event), event);
    case "AlertRaised":
    case "AlertResolved":
    case "AlertTargetAdded":
    case "AlertTargetChanged":
    case "AlertTargetRemoved":
    case "AlertTargetTested":
    case "AlertDelivered":
    case "AlertDeliveryFailed":
    case "AlertReplayed":
      return foldAlerts(state, event);
    case "ScheduleCreated":
    case "ScheduleChanged":
    case "ScheduleDeleted":
    case "ScheduleMissed":
    case "ScheduleSkipped":
    case "ScheduleRebased":
    case "ScheduleFired":
    case "ScheduleCompleted":
      return foldSchedule(state, known(database, event), event);
    case "ScrubRequested":
    case "ScrubCompleted":
    case "DrillRequested":
    case "DrillCompleted":
      return foldAssurance(state, known(database, event), event);
    case "PruneRequested":
    case "PruneStarted":
    case "BackupPruned":
    case "PruneCompleted":
    case "PruneFailed":
    case "LegalHoldPlaced":
    case "LegalHoldReleased":
      return foldRetention(state, known(database, event), event);
    case "RestoreRequested":
    case "RestoreCancelRequested":
    case "RestoreStarted":
    case "RestoreCompleted":
    case "RestoreFailed":
      return foldRestore(state, known(database, event), event);
  }
}

function known(database: DatabaseState | undefined, event: FoldEvent): DatabaseState {
  if (database === undefined) throw contradiction(event, "its database was never registered");
  return database;
}
