import type { Policy } from "../database/events.ts";
import type { Exemption, ReviewVerdict, WaitCause } from "../governance/events.ts";
import type { RiskClass } from "../migration/events.ts";
import type { Failure } from "../shared/errors.ts";
import type { ApprovalState, Happened, LedgerState, RestoreState, RunState } from "./state.ts";

/**
 * What needs people's consent, and its time, before it may begin: a run, a restore, a change of
 * policy. What is asked of it, and whether it may begin, is decided from these members alone, for
 * every kind in the same way.
 */
export interface Undertaking {
  readonly what: "run" | "restore" | "policy-change";
  readonly id: string;
  readonly databaseId: string;
  /** Over exactly what would be done: approvals are bound to it. Empty where none were asked for. */
  readonly planDigest: string;
  readonly risk: RiskClass;
  readonly notBefore: string | undefined;
  readonly exception: boolean;
  readonly emergency: boolean;
  /** RFC 3339; emergencies only. */
  readonly reviewBy: string | null;
  /** Why nobody's consent is asked, nor window and freezes. */
  readonly exempt: Exemption | null;
  readonly requested: Happened;
  status: UndertakingStatus;
  /** As the policy stood when it was requested or at its last change since. */
  approvalsNeeded: number;
  readonly approvals: ApprovalState[];
  /** The earliest beginning that was recorded last. */
  scheduled: { readonly at: string; readonly cause: WaitCause } | null;
  review: (Happened & { readonly verdict: ReviewVerdict; readonly comment: string }) | null;
  started: Happened | null;
  ended: Happened | null;
}

export type UndertakingStatus =
  | "awaiting-approval"
  | "scheduled"
  | "queued"
  | "running"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "rejected"
  | "outdated";

export type AnyUndertaking = RunState | RestoreState | PolicyChangeState;

/** A change that makes a policy demand less, and what has become of it. */
export interface PolicyChangeState extends Undertaking {
  readonly what: "policy-change";
  /** `outdated`: the policy was changed otherwise meanwhile. */
  status: "awaiting-approval" | "queued" | "succeeded" | "cancelled" | "rejected" | "outdated";
  /** The whole policy as it is to be. */
  readonly policy: Policy;
  /** Its members that would demand less. */
  readonly weakens: readonly string[];
  readonly reason: string | undefined;
  error: Failure | null;
}

/** An emergency that somebody uninvolved must still look at. */
export const isToBeReviewed = (one: Undertaking | undefined): boolean =>
  one?.emergency === true && one.review === null;

/** People or the calendar were asked: it waits until it may begin, over restarts too. */
export const isPatient = (one: Undertaking): boolean =>
  one.approvalsNeeded > 0 || one.scheduled !== null || one.notBefore !== undefined;

/** People or the calendar decide when it begins: it touches nothing meanwhile. */
export const isWaiting = ({ status }: Undertaking): boolean =>
  status === "awaiting-approval" || status === "scheduled";

/** Emergencies of every kind that are open or wait for their review. */
export const emergencies = ({
  runs,
  restores,
  policyChanges,
}: Pick<LedgerState, "runs" | "restores" | "policyChanges">): readonly AnyUndertaking[] =>
  [...runs.values(), ...restores.values(), ...policyChanges.values()].filter(
    ({ emergency }) => emergency,
  );
