import { jcs } from "../ledger/jcs.ts";
import type { Retention } from "../retention/retention.ts";
import type { Json } from "../shared/json.ts";
import type { Signer } from "../trust/policy.ts";
import { REVIEW_HOURS } from "../governance/demands.ts";
import type { Freeze, Policy } from "./events.ts";

/** Whether a policy demands less than the one before, in one respect. `now`: RFC 3339. */
type IsWeaker = (before: Policy, after: Policy, now: string) => boolean;

/**
 * One rule for each member, so that none that comes can be forgotten. What cannot be compared is taken
 * for weaker unless it is the same: consent asked for in vain costs less than a way around.
 */
const RULES: { readonly [M in keyof Required<Policy>]: IsWeaker } = {
  approvals: (before, after) => after.approvals < before.approvals,
  // Where it is the same, `approvals` says it.
  approvalsIfDestructive: (before, after) =>
    before.approvalsIfDestructive !== after.approvalsIfDestructive &&
    ifDestructive(after) < ifDestructive(before),
  approvalHours: (before, after) => most(after.approvalHours) > most(before.approvalHours),
  window: ({ window: before }, { window: after }) => {
    if (before === undefined) return false;
    const sameOpenings = after?.opens === before.opens && after.timeZone === before.timeZone;
    return !sameOpenings || after.minutes > before.minutes;
  },
  freezes: ({ freezes: before = [] }, { freezes: after = [] }, now) =>
    before.some((one) => isBefore(now, one.to) && !after.some((other) => covers(other, one))),
  reviewHours: ({ reviewHours: before = REVIEW_HOURS }, { reviewHours: after = REVIEW_HOURS }) =>
    after > before,
  rehearse: (before, after) => before.rehearse && !after.rehearse,
  backup: (before, after) => before.backup === undefined && after.backup === "none",
  onFailure: () => false,
  stepTimeoutMs: () => false,
  lockWaitMs: () => false,
  backupAlertHours: () => false,
  approvers: (before, after) => rank(after) < rank(before),
  approvalSignatures: ({ approvalSignatures: before }, { approvalSignatures: after }) => {
    if (before?.required !== true) return false;
    return after?.required !== true || !after.signers.every(isWithin(before.signers));
  },
  trust: ({ trust: before }, { trust: after }) => {
    if (before === undefined) return false;
    const { signers = [], identities = [] } = before;
    if (after === undefined || !(after.signers ?? []).every(isWithin(signers))) return true;
    const known = new Set(identities.map(textOf));
    return (after.identities ?? []).some((one) => !known.has(textOf(one)));
  },
  sqlLimits: ({ sqlLimits: before = {} }, { sqlLimits: after = {} }) =>
    most(after.bytes) > most(before.bytes) ||
    most(after.statements) > most(before.statements) ||
    (before.classes !== undefined &&
      (after.classes === undefined || after.classes.some((one) => !before.classes!.includes(one)))),
  retention: ({ retention: before }, { retention: after }) =>
    after !== undefined && (before === undefined || keepsLess(before, after)),
};

/** The members by which a policy demands less than the one before. Pure. */
export const weakened = (before: Policy, after: Policy, now: string): readonly string[] =>
  Object.entries(RULES)
    .filter(([, isWeaker]) => isWeaker(before, after, now))
    .map(([member]) => member);

const ifDestructive = ({ approvals, approvalsIfDestructive = 0 }: Policy): number =>
  Math.max(approvals, approvalsIfDestructive);

/** Absent: no limit. */
const most = (limit: number | undefined): number => limit ?? Infinity;

const rank = ({ approvers }: Policy): number =>
  approvers === undefined ? 0 : approvers === "people" ? 1 : 2;

const isBefore = (a: string, b: string): boolean => Date.parse(a) < Date.parse(b);

const covers = (a: Freeze, b: Freeze): boolean =>
  !isBefore(b.from, a.from) && !isBefore(a.to, b.to);

/** Whether everything that a signer would be taken for, one of those before was taken for as well. */
const isWithin =
  (before: readonly (Signer & { readonly actor?: string })[]) =>
  (after: Signer & { readonly actor?: string }): boolean =>
    before.some(
      (one) =>
        one.key === after.key &&
        (one.actor === undefined || one.actor === after.actor) &&
        startOf(after) >= startOf(one) &&
        endOf(after.until) <= endOf(one.until) &&
        endOf(after.revokedAt) <= endOf(one.revokedAt),
    );

const startOf = ({ from }: Signer): number => (from === undefined ? -Infinity : Date.parse(from));
const endOf = (time: string | undefined): number =>
  time === undefined ? Infinity : Date.parse(time);

const COUNTS = ["keepLast", "daily", "weekly", "monthly", "minVerified"] as const;

/** A count that is absent keeps nothing by itself. */
const keepsLess = (before: Retention, after: Retention): boolean =>
  COUNTS.some((count) => (after[count] ?? 0) < (before[count] ?? 0)) ||
  (before.legalHold === true && after.legalHold !== true) ||
  (after.cleanupAfterSuccess === true && before.cleanupAfterSuccess !== true);

/** One text for the same content. */
const textOf = (value: object): string => jcs(JSON.parse(JSON.stringify(value)) as Json);
