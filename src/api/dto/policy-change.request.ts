import { IsBoolean, IsIn } from "class-validator";
import type { PolicyChangeState } from "../../domain/state/undertaking.ts";
import { FreeText, Optional } from "./decorators.ts";
import { RangeQuery } from "./filter.query.ts";
import { PolicyRequest } from "./policy.request.ts";
import { MAX_REASON } from "./run.request.ts";

const STATUSES: readonly PolicyChangeState["status"][] = [
  "awaiting-approval",
  "succeeded",
  "cancelled",
  "rejected",
  "outdated",
];

/** The members of a policy that are to change, and how. */
export class PolicyChangeRequest extends PolicyRequest {
  /** Why. */
  @Optional() @FreeText(MAX_REASON) reason?: string;
  /** Holds at once without approvals: needs a reason, and a review afterwards. */
  @Optional() @IsBoolean() emergency?: boolean;
}

/** Changes of policies to list. */
export class PolicyChangesQuery extends RangeQuery {
  @Optional() @IsIn(STATUSES) status?: PolicyChangeState["status"];
}
