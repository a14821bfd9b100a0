import type { Policy } from "../database/events.ts";
import type { RiskClass } from "../migration/events.ts";
import { Conflict, Refused } from "../shared/errors.ts";
import type { MigrationState } from "../state/migration-state.ts";
import type { ApprovalState, DatabaseState, RunState } from "../state/state.ts";

const HOUR = 3_600_000;

/** What of a run says how many approvals it needs. */
export interface ApprovalSubject {
  readonly risk: RiskClass;
  readonly exception: boolean;
  readonly emergency: boolean;
}

/** An emergency needs none before, but a review afterwards; an exception needs one more. */
export function approvalsNeeded(policy: Policy, subject: ApprovalSubject): number {
  if (subject.emergency) return 0;
  const { approvals, approvalsIfDestructive = 0 } = policy;
  const usual =
    subject.risk === "destructive" ? Math.max(approvals, approvalsIfDestructive) : approvals;
  return subject.exception ? usual + 1 : usual;
}

/** Approvals that were not taken back and have not expired. */
export const standing = (run: RunState): readonly ApprovalState[] =>
  run.approvals.filter(({ ended }) => ended === null);

/** Standing approvals that are older at `now` than the policy lets them count. */
export function expired(run: RunState, policy: Policy, now: string): readonly ApprovalState[] {
  if (policy.approvalHours === undefined) return [];
  const oldest = Date.parse(now) - policy.approvalHours * HOUR;
  return standing(run).filter(({ given }) => Date.parse(given.time) < oldest);
}

/** Standing approvals that were given with a key that is revoked: it may have been stolen by then. */
export const byRevokedKey = (
  run: RunState,
  isRevoked: (keyId: string) => boolean,
): readonly ApprovalState[] =>
  standing(run).filter(({ keyId }) => keyId !== undefined && isRevoked(keyId));

/**
 * Refuses whoever may not decide on the run: its requester and the authors of its migrations; two
 * keys of one owner are one actor. Errors: `Refused` self-approval | author-approval.
 */
export function refuseInvolved(run: RunState, database: DatabaseState, actor: string): void {
  const hint = "Ask somebody else who holds the role approver";
  if (run.requested.actor === actor)
    throw new Refused("self-approval", "A run cannot be approved by its requester", { hint });
  const own = run.steps.find(({ version }) => isAuthor(database.migrations.get(version), actor));
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
export function refuseOtherPlan(run: RunState, present: string, submitted: string): void {
  if (submitted === run.planDigest && present === run.planDigest) return;
  throw new Conflict("plan-changed", "The plan is no longer the one with this digest", {
    hint:
      present === run.planDigest
        ? `GET /v1/runs/${run.id} shows the run's planDigest`
        : "The database or its migrations changed since the run was requested: request it again",
    details: { submitted, requested: run.planDigest, present },
  });
}
