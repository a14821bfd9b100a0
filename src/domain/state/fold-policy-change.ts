import type { FoldEvent } from "../events.ts";
import { happened } from "./happened.ts";
import { ended } from "./leaving.ts";
import type { DatabaseState, LedgerState } from "./state.ts";
import type { PolicyChangeState } from "./undertaking.ts";

/** A change of policy that waits for consent, or is made in an emergency. */
export function requestPolicyChange(
  state: LedgerState,
  database: DatabaseState,
  event: Extract<FoldEvent, { type: "PolicyChangeRequested" }>,
): void {
  const { policyChangeId: id, policy, weakens, planDigest, reason } = event.data;
  const { approvalsNeeded = 0, emergency = false, reviewBy = null } = event.data;
  state.policyChanges.set(id, {
    what: "policy-change",
    id,
    databaseId: database.id,
    policy,
    weakens,
    planDigest,
    reason,
    risk: "destructive",
    notBefore: undefined,
    exception: false,
    exempt: null,
    emergency,
    reviewBy,
    requested: happened(event),
    status: approvalsNeeded > 0 ? "awaiting-approval" : "queued",
    approvalsNeeded,
    approvals: [],
    scheduled: null,
    review: null,
    started: null,
    ended: null,
    error: null,
  });
  database.openPolicyChanges.add(id);
}

/** The policy is another one: the change that made it is done, others were for the policy before. */
export function settlePolicyChanges(
  state: LedgerState,
  database: DatabaseState,
  event: Extract<FoldEvent, { type: "PolicyChanged" }>,
): void {
  for (const id of database.openPolicyChanges) {
    const change = state.policyChanges.get(id)!;
    change.status = id === event.data.policyChangeId ? "succeeded" : "outdated";
    endPolicyChange(database, change, event);
  }
}

export function endPolicyChange(
  database: DatabaseState,
  change: PolicyChangeState,
  event: FoldEvent,
): void {
  change.ended = happened(event);
  database.openPolicyChanges.delete(change.id);
  ended(database, "policyChanges", change.id);
}
