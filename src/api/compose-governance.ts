import { PolicyService } from "../domain/database/policy-service.ts";
import { ApprovalService } from "../domain/governance/approval-service.ts";
import { Gate } from "../domain/governance/gate.ts";
import type { One } from "./tokens.ts";
import * as t from "./tokens.ts";

/** What decides whether and when something may begin: one of each, for runs, restores and policies. */
export function addGovernance(one: One): void {
  one(
    t.GATE,
    (c) =>
      new Gate({
        projection: c.resolve(t.PROJECTION),
        recorder: c.resolve(t.RECORDER),
        calendar: c.resolve(t.CALENDAR),
        clock: c.resolve(t.CLOCK),
        report: c.resolve(t.BACKGROUND).report,
      }),
  );
  one(
    t.APPROVAL_SERVICE,
    (c) =>
      new ApprovalService(c.resolve(t.PROJECTION), c.resolve(t.RECORDER), c.resolve(t.DIGEST), {
        quiet: c.resolve(t.QUIET_RECORDER),
        signatures: c.resolve(t.SIGNATURES),
        clock: c.resolve(t.CLOCK),
      }),
  );
  one(
    t.POLICY_SERVICE,
    (c) =>
      new PolicyService({
        databases: c.resolve(t.DATABASE_SERVICE),
        projection: c.resolve(t.PROJECTION),
        recorder: c.resolve(t.RECORDER),
        approvals: c.resolve(t.APPROVAL_SERVICE),
        checks: { calendar: c.resolve(t.CALENDAR), signatures: c.resolve(t.SIGNATURES) },
        clock: c.resolve(t.CLOCK),
        digest: c.resolve(t.DIGEST),
        ids: c.resolve(t.IDS),
      }),
  );
}
