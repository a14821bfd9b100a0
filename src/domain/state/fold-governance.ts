import type { FoldEvent } from "../events.ts";
import { approvalsNeeded, standing } from "../governance/approvals.ts";
import type { GovernanceEvents } from "../governance/events.ts";
import { contradiction } from "./contradiction.ts";
import { endRun, runOf } from "./fold-run.ts";
import { happened } from "./happened.ts";
import type { ApprovalState, DatabaseState, LedgerState, RunState } from "./state.ts";

type GovernanceEvent = Extract<FoldEvent, { type: keyof GovernanceEvents }>;

/** Folds what people and the calendar say about a run before it begins, and afterwards. */
export function foldGovernance(
  state: LedgerState,
  database: DatabaseState,
  event: GovernanceEvent,
): void {
  // Neither changes anything: the run of a refusal may have ended while it was recorded, and tests are
  // evidence for people, who find them by the plan's digest.
  if (event.type === "ApprovalRefused" || event.type === "TestEvidenceRecorded") return;
  const run = runOf(state, event.data.runId, event);
  switch (event.type) {
    case "RunApproved": {
      const { planDigest, comment, keyId, signature } = event.data;
      const given = happened(event);
      run.approvals.push({ given, planDigest, comment, keyId, signature, ended: null });
      return settleStatus(run);
    }
    case "ApprovalWithdrawn":
      endApprovals(run, event, "withdrawn", ({ given }) => given.actor === event.actor.id);
      return settleStatus(run);
    case "ApprovalExpired":
      endApprovals(run, event, event.data.cause ?? "expired", ({ given }) =>
        event.data.approvals.includes(given.index),
      );
      return settleStatus(run);
    case "RunRejected":
      run.status = "rejected";
      run.outcome = "untouched";
      run.error = { code: "rejected", message: event.data.reason };
      return endRun(database, run, event);
    case "RunScheduled":
      run.status = "scheduled";
      run.scheduled = { at: event.data.at, cause: event.data.cause };
      return;
    case "EmergencyReviewed":
      run.review = {
        ...happened(event),
        verdict: event.data.verdict,
        comment: event.data.comment,
      };
      return;
  }
}

/** A policy that changed holds for every run that has not begun. */
export function demandApprovals(state: LedgerState, database: DatabaseState): void {
  for (const id of database.openRuns) {
    const run = state.runs.get(id);
    if (run === undefined || run.started !== null || run.rehearsalOnly) continue;
    run.approvalsNeeded = Math.max(run.approvalsNeeded, approvalsNeeded(database.policy, run));
    settleStatus(run);
  }
}

function endApprovals(
  run: RunState,
  event: GovernanceEvent,
  how: "withdrawn" | "expired" | "key-revoked",
  concerned: (approval: ApprovalState) => boolean,
): void {
  const ending = standing(run).filter(concerned);
  if (ending.length === 0) throw contradiction(event, "the approval does not stand");
  for (const approval of ending) approval.ended = { ...happened(event), how };
}

/** Before a run begins its approvals say whether it waits for people. */
function settleStatus(run: RunState): void {
  if (run.started !== null || run.ended !== null) return;
  const waits = standing(run).length < run.approvalsNeeded;
  if (waits) run.status = "awaiting-approval";
  else if (run.status === "awaiting-approval") run.status = "queued";
}
