import type { Policy } from "../database/events.ts";
import type { ApprovalState } from "../state/state.ts";
import type { Undertaking } from "../state/undertaking.ts";
import { byRevokedKey, expired, standing } from "./approvals.ts";
import type { Calendar } from "./calendar.ts";
import type { WaitCause } from "./events.ts";

/** Whether something may begin now, or what it waits for. */
export type Admission =
  | { readonly kind: "begin" }
  | ({ readonly kind: "approvals" } & Missing)
  | { readonly kind: "wait"; readonly until: string; readonly cause: WaitCause };

/** How many times a waiting time may be moved on before the window and freezes leave no place. */
const MOVES = 1000;

/** What of its approvals is missing at a time. */
export interface Missing {
  readonly missing: number;
  /** Event indexes of approvals that stopped counting: too old, or by a key revoked since. */
  readonly expired: readonly number[];
  readonly revoked: readonly number[];
}

/**
 * Decides from the undertaking, the policy as it is now and the time alone: the one decision of what
 * consent means, for runs and restores, whoever or whatever asked for them.
 */
export function admission(
  one: Undertaking,
  policy: Policy,
  now: string,
  calendar: Calendar,
  isRevoked: (keyId: string) => boolean = () => false,
): Admission {
  const consent = consentTo(one, policy, now, isRevoked);
  if (consent.missing > 0) return { kind: "approvals", ...consent };
  return wait(one, policy, now, calendar) ?? { kind: "begin" };
}

/** Which approvals count now, and how many more it needs. */
export function consentTo(
  one: Undertaking,
  policy: Policy,
  now: string,
  isRevoked: (keyId: string) => boolean,
): Missing {
  const revoked = byRevokedKey(one, isRevoked);
  const gone = expired(one, policy, now).filter((approval) => !revoked.includes(approval));
  const counting = standing(one).length - gone.length - revoked.length;
  const missing = Math.max(0, one.approvalsNeeded - counting);
  return { missing, expired: indexes(gone), revoked: indexes(revoked) };
}

const indexes = (approvals: readonly ApprovalState[]): number[] =>
  approvals.map(({ given }) => given.index);

/** The first moment that suits `notBefore`, every freeze and the window; the cause is the last to move it. */
function wait(
  one: Undertaking,
  policy: Policy,
  now: string,
  calendar: Calendar,
): Admission | undefined {
  if (one.emergency) return undefined;
  let until = now;
  let cause: WaitCause | undefined;
  for (let moves = 0; moves < MOVES; moves++) {
    const next = obstacle(one, policy, until, calendar);
    if (next === undefined) return cause === undefined ? undefined : { kind: "wait", until, cause };
    ({ until, cause } = next);
  }
  return { kind: "wait", until, cause: cause! };
}

interface Obstacle {
  readonly until: string;
  readonly cause: WaitCause;
}

function obstacle(
  { notBefore, exception, exempt }: Undertaking,
  { window, freezes = [] }: Policy,
  at: string,
  calendar: Calendar,
): Obstacle | undefined {
  if (notBefore !== undefined && isBefore(at, notBefore))
    return { until: utc(notBefore), cause: "not-before" };
  if (exception || exempt !== null) return undefined;
  const freeze = freezes.find(({ from, to }) => !isBefore(at, from) && isBefore(at, to));
  if (freeze !== undefined) return { until: utc(freeze.to), cause: "freeze" };
  if (window === undefined || calendar.isOpen(window, at)) return undefined;
  return { until: calendar.nextOpening(window, at), cause: "window" };
}

const isBefore = (a: string, b: string): boolean => Date.parse(a) < Date.parse(b);
const utc = (time: string): string => new Date(time).toISOString();
