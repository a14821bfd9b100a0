import type { RunState, StepState } from "../../domain/state/state.ts";
import type { Names } from "./names.ts";
import { consentView } from "./undertaking-view.ts";

/** A run, as the API shows it. */
export const runView = (run: RunState, names: Names): object => ({
  id: run.id,
  kind: run.kind,
  database: names.database(run.databaseId),
  databaseId: run.databaseId,
  status: run.status,
  outcome: run.outcome,
  to: run.to,
  strategy: run.strategy ?? null,
  restores: run.restores ?? null,
  onFailure: run.onFailure ?? null,
  planDigest: run.planDigest,
  reason: run.reason ?? null,
  ticket: run.ticket ?? null,
  steps: run.steps.map(stepView),
  requestedBy: names.actor(run.requested.actor),
  requestedAt: run.requested.time,
  startedAt: run.started?.time ?? null,
  endedAt: run.ended?.time ?? null,
  durationMs: durationOf(run),
  rehearsalOnly: run.rehearsalOnly,
  risk: run.risk,
  ...consentView(run, names),
  backupId: run.backupId,
  restoreIds: run.restoreIds,
  rehearse: run.rehearse,
  rehearsal: rehearsalView(run),
  error: run.error,
  eventIndex: run.requested.index,
});

const stepView = (step: StepState): object => ({
  version: step.version,
  name: step.name,
  direction: step.direction,
  transaction: step.transaction,
  status: step.status,
  durationMs: step.durationMs,
  ...(step.error === null ? {} : { error: step.error }),
  findings: step.findings,
  eventIndex: step.eventIndex,
});

function durationOf({ started, ended }: RunState): number | null {
  if (started === null || ended === null) return null;
  return Date.parse(ended.time) - Date.parse(started.time);
}

function rehearsalView({ rehearsal }: RunState): object | null {
  if (rehearsal === null) return null;
  const { outcome, durationMs, backupId, steps, error, lossless } = rehearsal;
  return {
    outcome,
    durationMs,
    backupId,
    steps,
    ...(error === undefined ? {} : { error }),
    ...(lossless === undefined ? {} : { lossless }),
  };
}
