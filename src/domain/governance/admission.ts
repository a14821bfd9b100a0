import type { Policy } from "../database/events.ts";
import type { ApprovalState, RunState } from "../state/state.ts";
import { byRevokedKey, expired, standing } from "./approvals.ts";
import type { Calendar } from "./calendar.ts";
import type { WaitCause } from "./events.ts";

/** Whether a run may begin now, or what it waits for. */
export type Admission =
  | { readonly kind: "begin" }
  | {
      readonly kind: "approvals";
      readonly missing: number;
      /** Event indexes of approvals that stopped counting: too old, or by a key revoked since. */
      readonly expired: readonly number[];
      readonly revoked: readonly number[];
    }
  | { readonly kind: "wait"; readonly until: string; readonly cause: WaitCause };

/** How many times a waiting time may be moved on before the window and freezes leave no place. */
const MOVES = 1000;

/** Decides from the run, the policy as it is now and the time alone. */
export function admission(
  run: RunState,
  policy: Policy,
  now: string,
  calendar: Calendar,
  isRevoked: (keyId: string) => boolean = () => false,
): Admission {
  if (run.rehearsalOnly) return { kind: "begin" };
  const revoked = byRevokedKey(run, isRevoked);
  const gone = expired(run, policy, now).filter((one) => !revoked.includes(one));
  const missing = run.approvalsNeeded - (standing(run).length - gone.length - revoked.length);
  if (missing > 0)
    return { kind: "approvals", missing, expired: indexes(gone), revoked: indexes(revoked) };
  return wait(run, policy, now, calendar) ?? { kind: "begin" };
}

const indexes = (approvals: readonly ApprovalState[]): number[] =>
  approvals.map(({ given }) => given.index);

/** The first moment that suits `notBefore`, every freeze and the window; the cause is the last to move it. */
function wait(
  run: RunState,
  policy: Policy,
  now: string,
  calendar: Calendar,
): Admission | undefined {
  if (run.emergency) return undefined;
  let until = now;
  let cause: WaitCause | undefined;
  for (let moves = 0; moves < MOVES; moves++) {
    const next = obstacle(run, policy, until, calendar);
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
  { notBefore, exception }: RunState,
  { window, freezes = [] }: Policy,
  at: string,
  calendar: Calendar,
): Obstacle | undefined {
  if (notBefore !== undefined && isBefore(at, notBefore))
    return { until: utc(notBefore), cause: "not-before" };
  if (exception) return undefined;
  const freeze = freezes.find(({ from, to }) => !isBefore(at, from) && isBefore(at, to));
  if (freeze !== undefined) return { until: utc(freeze.to), cause: "freeze" };
  if (window === undefined || calendar.isOpen(window, at)) return undefined;
  return { until: calendar.nextOpening(window, at), cause: "window" };
}

const isBefore = (a: string, b: string): boolean => Date.parse(a) < Date.parse(b);
const utc = (time: string): string => new Date(time).toISOString();
