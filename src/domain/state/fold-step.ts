import type { FoldEvent } from "../events.ts";
import type { StepRef } from "../migration/events.ts";
import { applyChanges } from "../schema/schema.ts";
import { contradiction } from "./contradiction.ts";
import { runOf } from "./fold-run.ts";
import { happened } from "./happened.ts";
import type { DatabaseState, LedgerState, StepState, StepStatus } from "./state.ts";
import type { MigrationState } from "./migration-state.ts";

type StepEvent = Extract<
  FoldEvent,
  {
    type:
      | "StepStarted"
      | "StepApplied"
      | "StepReverted"
      | "StepFailed"
      | "StepAborted"
      | "StepUnknown"
      | "StepResolved"
      | "RecoveryStarted";
  }
>;
type Committed = Extract<StepEvent, { type: "StepApplied" | "StepReverted" }>;

/** Folds the attempts of steps: each intent gets exactly one outcome. */
export function foldStep(state: LedgerState, database: DatabaseState, event: StepEvent): void {
  if (event.type === "RecoveryStarted") return;
  const step = stepOf(state, event, event.data);
  if (event.type === "StepStarted") return start(database, step, event);
  const attempt = database.openAttempts.get(event.data.attempt);
  if (attempt === undefined)
    throw contradiction(event, `attempt ${event.data.attempt} is not open`);
  step.eventIndex = event.index;
  switch (event.type) {
    case "StepUnknown":
      attempt.unknown = true;
      step.status = "unknown";
      return;
    case "StepApplied":
    case "StepReverted":
      commit(database, step, event);
      break;
    case "StepFailed":
      step.status = event.data.state === "unknown" ? "unknown" : ended(step, event, "failed");
      step.error = event.data.error;
      step.findings = event.data.findings;
      fail(database, event.data);
      break;
    case "StepAborted":
      step.status = ended(step, event, event.data.begun === false ? "pending" : "aborted");
      break;
    case "StepResolved":
      resolve(database, step, event);
      break;
  }
  database.openAttempts.delete(event.data.attempt);
}

function start(
  database: DatabaseState,
  step: StepState,
  event: Extract<StepEvent, { type: "StepStarted" }>,
): void {
  const { attempt, runId, version, direction, transaction } = event.data;
  step.status = "running";
  step.attempt = attempt;
  step.eventIndex = event.index;
  database.openAttempts.set(attempt, {
    attempt,
    runId,
    version,
    direction,
    transaction,
    index: event.index,
    unknown: false,
  });
}

function commit(database: DatabaseState, step: StepState, event: Committed): void {
  const { data } = event;
  step.status = event.type === "StepApplied" ? "applied" : "reverted";
  step.durationMs = data.durationMs;
  step.findings = data.findings;
  database.fingerprint = data.fingerprintAfter;
  if (data.schemaChanges.length > 0)
    database.schema = applyChanges(database.schema, data.schemaChanges);
  const migration = migrationOf(database, event, data.version);
  if (event.type === "StepApplied") markApplied(migration, event, data.fingerprintBefore);
  else {
    migration.state = "reverted";
    migration.applied = null;
  }
}

function markApplied(
  migration: MigrationState,
  event: FoldEvent & { data: StepRef },
  fingerprintBefore: string | null,
): void {
  migration.state = "applied";
  migration.applied = { ...happened(event), runId: event.data.runId, fingerprintBefore };
}

/** A down that did not succeed within a migrate run leaves its step applied. */
const ended = (step: StepState, { data }: { data: StepRef }, status: StepStatus): StepStatus =>
  step.direction === data.direction ? status : "applied";

function fail(database: DatabaseState, { version, direction }: StepRef): void {
  const migration = database.migrations.get(version);
  if (migration !== undefined && direction === "up") migration.state = "failed";
}

function resolve(
  database: DatabaseState,
  step: StepState,
  event: Extract<StepEvent, { type: "StepResolved" }>,
): void {
  const { decision, direction, version } = event.data;
  if (decision === "aborted") {
    step.status = "aborted";
    return;
  }
  const migration = migrationOf(database, event, version);
  step.status = direction === "up" ? "applied" : "reverted";
  if (direction === "up") markApplied(migration, event, null);
  else {
    migration.state = "reverted";
    migration.applied = null;
  }
}

function migrationOf(database: DatabaseState, event: FoldEvent, version: string): MigrationState {
  const migration = database.migrations.get(version);
  if (migration === undefined) throw contradiction(event, `version ${version} is not registered`);
  return migration;
}

function stepOf(state: LedgerState, event: FoldEvent, ref: StepRef): StepState {
  const run = runOf(state, ref.runId, event);
  const planned =
    run.steps.find((step) => step.version === ref.version && step.direction === ref.direction) ??
    // A failed migrate run may revert its own steps: their downs are not planned steps.
    run.steps.find((step) => step.version === ref.version);
  if (planned === undefined)
    throw contradiction(event, `step ${ref.version} is not in the run's plan`);
  return planned;
}
