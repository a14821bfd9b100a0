import type { Policy } from "../database/events.ts";
import type { RiskClass } from "../migration/events.ts";
import { Conflict, Refused } from "../shared/errors.ts";
import type { MigrationState } from "../state/migration-state.ts";
import type { ApprovalState, DatabaseState } from "../state/state.ts";
import type { AnyUndertaking, Undertaking } from "../state/undertaking.ts";
import type { Exemption } from "./events.ts";
import { WORDS } from "./words.ts";

const HOUR = 3_600_000;

/** What says how many approvals something needs. */
export interface ApprovalSubject {
  readonly risk: RiskClass;
  readonly exception: boolean;
  readonly emergency: boolean;
  readonly exempt: Exemption | null;
}

/** An emergency needs none before, but a review afterwards; an exception needs one more. */
export function approvalsNeeded(policy: Policy, subject: ApprovalSubject): number {
  if (subject.emergency || subject.exempt !== null) return 0;
  const { approvals, approvalsIfDestructive = 0 } = policy;
  const usual =
    subject.risk === "destructive" ? Math.max(approvals, approvalsIfDestructive) : approvals;
  return subject.exception ? usual + 1 : usual;
}

/** Approvals that were not taken back and have not expired. */
export const standing = (one: Undertaking): readonly ApprovalState[] =>
  one.approvals.filter(({ ended }) => ended === null);

/** Standing approvals that are older at `now` than the policy lets them count. */
export function expired(one: Undertaking, policy: Policy, now: string): readonly ApprovalState[] {
  if (policy.approvalHours === undefined) return [];
  const oldest = Date.parse(now) - policy.approvalHours * HOUR;
  return standing(one).filter(({ given }) => Date.parse(given.time) < oldest);
}

/** Standing approvals that were given with a key that is revoked: it may have been stolen by then. */
export const byRevokedKey = (
  one: Undertaking,
  isRevoked: (keyId: string) => boolean,
): readonly ApprovalState[] =>
  standing(one).filter(({ keyId }) => keyId !== undefined && isRevoked(keyId));

/**
 * Refuses whoever may not decide on it: its requester and the authors of a run's migrations; two
 * keys of one owner are one actor. Errors: `Refused` self-approval | author-approval.
 */
export function refuseInvolved(one: AnyUndertaking, database: DatabaseState, actor: string): void {
  const hint = "Ask somebody else who holds the role approver";
  if (one.requested.actor === actor)
    throw new Refused(
      "self-approval",
      `A ${WORDS[one.what].name} can be neither approved nor reviewed by its requester`,
      { hint },
    );
  const steps = one.what === "run" ? one.steps : [];
  const own = steps.find(({ version }) => isAuthor(database.migrations.get(version), actor));
  if (own !== undefined)
    throw new Refused("author-approval", `Version ${own.version} is the approver's own text`, {
      hint,
    });
}

/** Whoever registered it, and whoever brought another text of it that was accepted. */
const isAuthor = (migration: MigrationState | undefined, actor: string): boolean =>
  migration !== undefined &&
  (migration.registered.actor === actor ||
    migration.accepted.some((one) => one.deviation === "edited" && one.actor === actor));

/** An approval speaks of one plan on one schema. Error: `Conflict` plan-changed. */
export function refuseOtherPlan(one: Undertaking, present: string, submitted: string): void {
  const { name, place } = WORDS[one.what];
  if (submitted === one.planDigest && present === one.planDigest) return;
  throw new Conflict("plan-changed", "The plan is no longer the one with this digest", {
    hint:
      present === one.planDigest
        ? `GET /v1/${place}/${one.id} shows the planDigest`
        : `Something of what it is about changed since the ${name} was requested: request it again`,
    details: { submitted, requested: one.planDigest, present },
  });
}
