import type { FoldEvent } from "../events.ts";
import { approvalsNeeded, standing } from "../governance/approvals.ts";
import type { Concerns, Consent, GovernanceEvents } from "../governance/events.ts";
import { contradiction } from "./contradiction.ts";
import { endPolicyChange, requestPolicyChange } from "./fold-policy-change.ts";
import { endRestore } from "./fold-restore.ts";
import { endRun, runOf } from "./fold-run.ts";
import { happened } from "./happened.ts";
import type { ApprovalState, DatabaseState, LedgerState, RunState, RestoreState } from "./state.ts";
import type { AnyUndertaking, Undertaking } from "./undertaking.ts";

type GovernanceEvent = Extract<FoldEvent, { type: keyof GovernanceEvents }>;

/** Folds what people and the calendar say about something before it begins, and afterwards. */
export function foldGovernance(
  state: LedgerState,
  database: DatabaseState,
  event: GovernanceEvent,
): void {
  switch (event.type) {
    case "ApprovalRefused":
    case "TestEvidenceRecorded":
      // Neither changes anything: the run of a refusal may have ended while it was recorded, and tests
      // are evidence for people, who find them by the plan's digest.
      return;
    case "PolicyChangeRequested":
      return requestPolicyChange(state, database, event);
    case "RunApproved":
    case "RestoreApproved":
    case "PolicyChangeApproved":
      return approve(undertakingOf(state, event.data, event), event, event.data);
    case "ApprovalWithdrawn":
      return endApprovals(
        undertakingOf(state, event.data, event),
        event,
        "withdrawn",
        ({ given }) => given.actor === event.actor.id,
      );
    case "ApprovalExpired":
      return endApprovals(
        undertakingOf(state, event.data, event),
        event,
        event.data.cause ?? "expired",
        ({ given }) => event.data.approvals.includes(given.index),
      );
    case "RunRejected":
    case "RestoreRejected":
    case "PolicyChangeRejected":
      return reject(database, undertakingOf(state, event.data, event), event, event.data.reason);
    case "PolicyChangeCancelled": {
      const change = undertakingOf(state, event.data, event);
      change.error = { code: "cancelled", message: event.data.reason };
      return end(database, change, "cancelled", event);
    }
    case "RunScheduled":
    case "RestoreScheduled": {
      const one = undertakingOf(state, event.data, event);
      const { at, cause } = event.data;
      one.status = "scheduled" as typeof one.status;
      one.scheduled = { at, cause };
      return;
    }
    case "EmergencyReviewed": {
      const { verdict, comment } = event.data;
      undertakingOf(state, event.data, event).review = { ...happened(event), verdict, comment };
      return;
    }
  }
}

/** A policy that changed holds for everything that has not begun. */
export function demandApprovals(state: LedgerState, database: DatabaseState): void {
  const waiting: (RunState | RestoreState | undefined)[] = [
    ...[...database.openRuns].map((id) => state.runs.get(id)),
    ...[...database.openRestores].map((id) => state.restores.get(id)),
  ];
  for (const one of waiting) {
    if (one === undefined || one.started !== null) continue;
    // A restore from before restores were asked for: nobody can approve it, the next start ends it.
    if (one.planDigest === "") continue;
    one.approvalsNeeded = Math.max(one.approvalsNeeded, approvalsNeeded(database.policy, one));
    settleStatus(one);
  }
}

function undertakingOf(
  state: LedgerState,
  { runId, restoreId, policyChangeId }: Concerns,
  event: FoldEvent,
): AnyUndertaking {
  if (runId !== undefined) return runOf(state, runId, event);
  const found =
    restoreId === undefined
      ? state.policyChanges.get(policyChangeId ?? "")
      : state.restores.get(restoreId);
  if (found === undefined)
    throw contradiction(event, `${restoreId ?? policyChangeId} was never requested, or has ended`);
  return found;
}

function approve(one: AnyUndertaking, event: FoldEvent, consent: Consent): void {
  const { planDigest, comment, keyId, signature } = consent;
  const given = happened(event);
  one.approvals.push({ given, planDigest, comment, keyId, signature, ended: null });
  settleStatus(one);
}

function reject(
  database: DatabaseState,
  one: AnyUndertaking,
  event: FoldEvent,
  reason: string,
): void {
  one.error = { code: "rejected", message: reason };
  if (one.what === "run") one.outcome = "untouched";
  end(database, one, "rejected", event);
}

function end(
  database: DatabaseState,
  one: AnyUndertaking,
  status: "rejected" | "cancelled",
  event: FoldEvent,
): void {
  one.status = status;
  switch (one.what) {
    case "run":
      return endRun(database, one, event);
    case "restore":
      return endRestore(database, one, event);
    case "policy-change":
      return endPolicyChange(database, one, event);
  }
}

function endApprovals(
  one: Undertaking,
  event: GovernanceEvent,
  how: "withdrawn" | "expired" | "key-revoked",
  concerned: (approval: ApprovalState) => boolean,
): void {
  const ending = standing(one).filter(concerned);
  if (ending.length === 0) throw contradiction(event, "the approval does not stand");
  for (const approval of ending) approval.ended = { ...happened(event), how };
  settleStatus(one);
}

/** Before something begins its approvals say whether it waits for people. */
function settleStatus(one: Undertaking): void {
  if (one.started !== null || one.ended !== null) return;
  const waits = standing(one).length < one.approvalsNeeded;
  if (waits) one.status = "awaiting-approval";
  else if (one.status === "awaiting-approval") one.status = "queued";
}
