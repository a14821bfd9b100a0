import { IsIn, Matches } from "class-validator";
import type { ApprovalDecision, ReviewVerdict } from "../../domain/governance/events.ts";
import { Optional, Text } from "./decorators.ts";
import { DIGEST, DIGEST_MESSAGE, MAX_REASON } from "./run.request.ts";

const DECISIONS: readonly ApprovalDecision[] = ["approve", "reject", "withdraw"];
const VERDICTS: readonly ReviewVerdict[] = ["accepted", "objected"];

/** A person's decision on a run that has not begun. */
export class ApprovalRequest {
  @IsIn(DECISIONS) decision!: ApprovalDecision;
  /** The plan that was looked at: `planDigest` of the run. */
  @Matches(DIGEST, DIGEST_MESSAGE) planDigest!: string;
  @Optional() @Text(MAX_REASON) comment?: string;
  /** What ssh-keygen or minisign made over run and plan: the whole file. */
  @Optional() @Text(16_384) signature?: string;
}

/** What somebody who was not involved says of an emergency run afterwards. */
export class ReviewRequest {
  @IsIn(VERDICTS) verdict!: ReviewVerdict;
  @Text(MAX_REASON) comment!: string;
}
