import type { ApprovalState, RunState, StepState } from "../../domain/state/state.ts";
import type { Names } from "./names.ts";

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
  approvalsNeeded: run.approvalsNeeded,
  approvals: run.approvals.map((approval) => approvalView(approval, names)),
  notBefore: run.notBefore ?? null,
  scheduledFor: run.status === "scheduled" ? run.scheduled : null,
  exception: run.exception,
  emergency: run.emergency,
  reviewBy: run.reviewBy,
  review: reviewView(run, names),
  backupId: run.backupId,
  restoreIds: run.restoreIds,
  rehearse: run.rehearse,
  rehearsal: rehearsalView(run),
  error: run.error,
  eventIndex: run.requested.index,
});

const approvalView = (approval: ApprovalState, names: Names): object => ({
  approvedBy: names.actor(approval.given.actor),
  at: approval.given.time,
  planDigest: approval.planDigest,
  comment: approval.comment ?? null,
  signature: approval.signature ?? null,
  ended: approval.ended === null ? null : { how: approval.ended.how, at: approval.ended.time },
  eventIndex: approval.given.index,
});

function reviewView({ review }: RunState, names: Names): object | null {
  if (review === null) return null;
  const { verdict, comment, time, index } = review;
  return { verdict, comment, reviewedBy: names.actor(review.actor), at: time, eventIndex: index };
}

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
