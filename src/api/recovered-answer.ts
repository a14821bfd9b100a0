import { databaseIdOf, type RecordedEvent } from "../domain/events.ts";
import type { Concerns } from "../domain/governance/events.ts";
import type { Projection } from "../domain/state/projection.ts";
import type { HoldState } from "../domain/state/safekeeping-state.ts";
import type { DatabaseState, LedgerState } from "../domain/state/state.ts";
import type { DriftReport } from "../domain/database/drift-service.ts";
import type { WholeAnswer } from "./route.ts";
import { adoptionSummary } from "./views/adoption-view.ts";
import { driftView } from "./views/drift-view.ts";
import { testEvidenceView } from "./views/test-evidence-view.ts";
import { signingKeysView } from "./views/signing-key-view.ts";
import type { Views } from "./views/views.ts";

/**
 * The answer a command would give now for what its first event began: the present resource with
 * the status of a first answer. Undefined if the event does not say what it began.
 */
export async function recoveredAnswer(
  event: RecordedEvent,
  body: { readonly [member: string]: unknown },
  projection: Projection,
  views: Views,
): Promise<WholeAnswer | undefined> {
  const { state } = projection;
  switch (event.type) {
    case "DatabaseRegistered":
      return answered(state.databases.get(event.data.databaseId), (database) =>
        views.created("databases", database.name, views.database(database)),
      );
    case "RunRequested":
    case "RunApproved":
    case "RunRejected":
    case "RunCancelled":
    case "RestoreApproved":
    case "RestoreRejected":
    case "PolicyChangeApproved":
    case "PolicyChangeRejected":
    case "PolicyChangeCancelled":
    case "ApprovalWithdrawn":
    case "EmergencyReviewed":
      return consented(event.data, projection, views);
    case "BackupStarted":
    case "BackupVerificationRequested":
    case "BackupVerificationAborted":
    case "BackupVerified":
    case "BackupVerificationFailed":
      return answered(await projection.find("backups", event.data.backupId), (backup) =>
        views.accepted("backups", backup.id, views.backup(backup)),
      );
    case "RestoreRequested":
    case "RestoreCancelRequested":
      return answered(await projection.find("restores", event.data.restoreId), (restore) =>
        views.accepted("restores", restore.id, views.restore(restore)),
      );
    case "DatabaseRecoveryRequested":
      return answered(await projection.find("recoveries", event.data.recoveryId), (recovery) =>
        views.accepted("recoveries", recovery.id, views.recovery(recovery)),
      );
    case "ScrubRequested":
      return answered(await projection.find("scrubs", event.data.scrubId), (scrub) =>
        views.accepted("scrubs", scrub.id, views.assurance(scrub)),
      );
    case "DrillRequested":
      return answered(await projection.find("drills", event.data.drillId), (drill) =>
        views.accepted("drills", drill.id, views.assurance(drill)),
      );
    case "PruneRequested":
      return answered(await projection.find("prunes", event.data.pruneId), (prune) =>
        views.accepted("prunes", prune.id, views.prune(prune)),
      );
    case "LegalHoldPlaced":
      return answered(holdOf(event, state), (hold) =>
        views.created("legal-holds", hold.id, views.hold(hold)),
      );
    case "ScheduleCreated":
      return answered(state.schedules.get(event.data.scheduleId), (schedule) =>
        views.created("schedules", schedule.id, views.schedule(schedule)),
      );
    case "IntegrityCheckStarted":
      return answered(await projection.find("checks", event.data.checkId), (check) =>
        views.accepted("integrity-checks", check.id, views.check(check)),
      );
    case "KeyIssued":
      return answered(state.keys.get(event.data.keyId), (key) =>
        views.created("keys", key.id, views.key(key)),
      );
    case "AlertTargetAdded":
      return answered(state.alertTargets.get(event.data.targetId), (target) =>
        views.created("alert-targets", target.id, views.alertTarget(target)),
      );
    case "AlertReplayed":
      return answered(state.alertTargets.get(event.data.targetId), (target) => ({
        status: 200,
        body: views.alertTarget(target),
      }));
    case "AlertTargetTested": {
      const { delivered, error = null, durationMs } = event.data;
      return { status: 200, body: { delivered, error, durationMs } };
    }
    case "DriftDetected":
    case "DriftChecked":
      if ("found" in body) return databaseOf(event.stream, state, views);
      return { status: 200, body: driftView(foundIn(event)) };
    case "DriftResolved":
    case "DatabaseReleased":
      return databaseOf(event.stream, state, views);
    case "HistoryImported":
      return answered(state.databases.get(databaseIdOf(event.stream) ?? ""), (database) =>
        adopted(database, event.data.adoptionId),
      );
    case "MigrationAdopted":
      return undefined;
    case "MigrationRegistered":
      return registered(event.stream, body, state, views);
    case "TestEvidenceRecorded":
      return { status: 201, body: views.names.open(testEvidenceView(event)) };
    case "KeyRotated":
    case "KeyRetired":
      return { status: 201, body: signingKeysView(state.signingKeys) };
    case "SubjectErased":
    case "LedgerContinued":
    case "CheckpointAnchored":
    case "HeartbeatRecorded":
    case "LedgerOpened":
    case "AuditAccessed":
    case "AuditReadsChanged":
    case "ReportIssued":
    case "KeyRevoked":
    case "KeyUsed":
    case "AccessRefused":
    case "MigrationRefused":
    case "BackupKeyChanged":
    case "BackupStoreChanged":
    case "SchemaBaselined":
    case "PolicyChanged":
    case "MigrationWithdrawn":
    case "DeviationAccepted":
    case "DatabaseQuarantined":
    case "DatabaseRetired":
    case "ApprovalExpired":
    case "ApprovalRefused":
    case "RunScheduled":
    case "RestoreScheduled":
    case "PolicyChangeRequested":
    case "RunStarted":
    case "RehearsalCompleted":
    case "StepStarted":
    case "StepApplied":
    case "StepReverted":
    case "StepFailed":
    case "StepAborted":
    case "StepUnknown":
    case "StepResolved":
    case "RecoveryStarted":
    case "RunCompleted":
    case "RunFailed":
    case "DatabaseRecoveryPlanned":
    case "DatabaseRecoveryCompleted":
    case "DatabaseRecoveryFailed":
    case "AlertRaised":
    case "AlertResolved":
    case "ServiceStarted":
    case "ServiceStopped":
    case "AlertTargetChanged":
    case "AlertTargetRemoved":
    case "AlertDelivered":
    case "AlertDeliveryFailed":
    case "LedgerBackupStarted":
    case "LedgerBackupCompleted":
    case "LedgerBackupFailed":
    case "LedgerRestored":
    case "ScrubCompleted":
    case "DrillCompleted":
    case "PruneStarted":
    case "BackupPruned":
    case "PruneCompleted":
    case "PruneFailed":
    case "LegalHoldReleased":
    case "BackupCompleted":
    case "BackupFailed":
    case "TableBackupCompleted":
    case "RestoreStarted":
    case "RestoreCompleted":
    case "RestoreFailed":
    case "IntegrityCheckCompleted":
    case "ScheduleChanged":
    case "ScheduleDeleted":
    case "ScheduleMissed":
    case "ScheduleSkipped":
    case "ScheduleRebased":
    case "ScheduleFired":
    case "ScheduleCompleted":
      return undefined;
  }
}

/** Its rows are read from the ledger, at the place that the answer names. */
function adopted(database: DatabaseState, adoptionId: string): WholeAnswer {
  const Location = `/v1/databases/${database.name}/adoptions/${adoptionId}`;
  return { status: 202, body: adoptionSummary(database, adoptionId), headers: { Location } };
}

function answered<T>(
  resource: T | undefined,
  answer: (resource: T) => WholeAnswer,
): WholeAnswer | undefined {
  return resource === undefined ? undefined : answer(resource);
}

const databaseOf = (stream: string, state: LedgerState, views: Views): WholeAnswer | undefined =>
  answered(state.databases.get(databaseIdOf(stream) ?? ""), (database) => ({
    status: 200,
    body: views.database(database),
  }));

function foundIn(
  event: Extract<RecordedEvent, { type: "DriftDetected" | "DriftChecked" }>,
): DriftReport {
  if (event.type === "DriftDetected") return event.data;
  const { fingerprint } = event.data;
  return { expected: fingerprint, found: fingerprint, differences: [] };
}

/** All migrations of one request were registered together. */
function registered(
  stream: string,
  body: { readonly [member: string]: unknown },
  state: LedgerState,
  views: Views,
): WholeAnswer | undefined {
  const database = state.databases.get(databaseIdOf(stream) ?? "");
  const asked = (body["migrations"] ?? []) as readonly { readonly version: unknown }[];
  const items = asked.flatMap(({ version }) => {
    const migration = database?.migrations.get(String(version));
    return migration === undefined ? [] : [views.migration(migration)];
  });
  return { status: 201, body: { items, next: null } };
}

/** A hold that is still in force. */
function holdOf(
  event: Extract<RecordedEvent, { type: "LegalHoldPlaced" }>,
  state: LedgerState,
): HoldState | undefined {
  return state.databases.get(databaseIdOf(event.stream) ?? "")?.holds.get(event.data.holdId);
}

/** Whatever a decision was about. */
async function consented(
  { runId, restoreId, policyChangeId }: Concerns,
  projection: Projection,
  views: Views,
): Promise<WholeAnswer | undefined> {
  if (runId !== undefined)
    return answered(await projection.find("runs", runId), (run) =>
      views.accepted("runs", run.id, views.run(run)),
    );
  if (restoreId !== undefined)
    return answered(await projection.find("restores", restoreId), (restore) =>
      views.accepted("restores", restore.id, views.restore(restore)),
    );
  return answered(await projection.find("policyChanges", policyChangeId ?? ""), (change) =>
    views.accepted("policy-changes", change.id, views.policyChange(change)),
  );
}
