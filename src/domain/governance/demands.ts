import type { Policy } from "../database/events.ts";
import type { RiskClass, RunEvents } from "../migration/events.ts";
import { InvalidInput } from "../shared/errors.ts";
import { approvalsNeeded } from "./approvals.ts";
import type { Exemption } from "./events.ts";

/** What a requester may ask for beside the plan. */
export interface Circumstances {
  readonly reason?: string;
  /** RFC 3339. */
  readonly notBefore?: string;
  /** May begin outside the window and during a freeze, for one approval more. */
  readonly exception?: boolean;
  /** Begins at once without approvals; needs a reason, and a review afterwards. */
  readonly emergency?: boolean;
}

/** Hours for the review of an emergency where the policy says nothing. */
export const REVIEW_HOURS = 72;
const HOUR = 3_600_000;

export type Demands = Pick<
  RunEvents["RunRequested"],
  "risk" | "approvalsNeeded" | "notBefore" | "exception" | "emergency" | "reviewBy"
>;

/** Error: `InvalidInput` emergency-not-before. */
export function refuseContradiction({
  notBefore,
  emergency,
}: {
  readonly notBefore?: string | undefined;
  readonly emergency?: boolean | undefined;
}): void {
  if (emergency === true && notBefore !== undefined)
    throw new InvalidInput("emergency-not-before", "An emergency begins at once", {
      hint: "Leave out notBefore or emergency",
    });
}

/**
 * What the policy demands of something, as it is recorded with the request. Errors: `InvalidInput`
 * reason-missing | emergency-not-before.
 */
export function demandsOn(
  { reason = "", notBefore, exception = false, emergency = false }: Circumstances,
  policy: Policy,
  risk: RiskClass,
  now: string,
  exempt: Exemption | null = null,
): Demands {
  if ((exception || emergency) && reason.trim() === "")
    throw new InvalidInput("reason-missing", "An emergency or an exception needs a reason", {
      hint: "Send reason",
    });
  refuseContradiction({ notBefore, emergency });
  const needed = approvalsNeeded(policy, { risk, exception, emergency, exempt });
  const { reviewHours = REVIEW_HOURS } = policy;
  return {
    ...(risk === "ordinary" ? {} : { risk }),
    ...(needed === 0 ? {} : { approvalsNeeded: needed }),
    ...(notBefore === undefined ? {} : { notBefore: new Date(notBefore).toISOString() }),
    ...(exception ? { exception } : {}),
    ...(emergency
      ? { emergency, reviewBy: new Date(Date.parse(now) + reviewHours * HOUR).toISOString() }
      : {}),
  };
}
