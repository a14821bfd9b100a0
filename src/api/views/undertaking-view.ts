import type { ApprovalState } from "../../domain/state/state.ts";
import type { PolicyChangeState, Undertaking } from "../../domain/state/undertaking.ts";
import type { Names } from "./names.ts";

/** What consent something needs and has, and when it may begin: the same members for every kind. */
export const consentView = (one: Undertaking, names: Names) => ({
  approvalsNeeded: one.approvalsNeeded,
  approvals: one.approvals.map((approval) => approvalView(approval, names)),
  notBefore: one.notBefore ?? null,
  scheduledFor: one.status === "scheduled" ? one.scheduled : null,
  exception: one.exception,
  emergency: one.emergency,
  reviewBy: one.reviewBy,
  review: reviewView(one, names),
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

function reviewView({ review }: Undertaking, names: Names): object | null {
  if (review === null) return null;
  const { verdict, comment, time, index } = review;
  return { verdict, comment, reviewedBy: names.actor(review.actor), at: time, eventIndex: index };
}

/** A change of a policy that needed consent, as the API shows it. */
export function policyChangeView(change: PolicyChangeState, names: Names): object {
  const { approvalsNeeded, approvals, emergency, reviewBy, review } = consentView(change, names);
  return {
    id: change.id,
    database: names.database(change.databaseId),
    databaseId: change.databaseId,
    status: change.status,
    policy: change.policy,
    weakens: change.weakens,
    planDigest: change.planDigest,
    reason: change.reason ?? null,
    requestedBy: names.actor(change.requested.actor),
    requestedAt: change.requested.time,
    endedAt: change.ended?.time ?? null,
    approvalsNeeded,
    approvals,
    emergency,
    reviewBy,
    review,
    error: change.error,
    eventIndex: change.requested.index,
  };
}
