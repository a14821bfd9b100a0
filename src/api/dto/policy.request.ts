import { IsBoolean, IsIn, IsInt, Max, Min } from "class-validator";
import type { OnFailure } from "../../domain/database/events.ts";
import { Optional } from "./decorators.ts";

export const ON_FAILURE: readonly OnFailure[] = ["stop", "revert", "restore"];
const DAY = 86_400_000;

/** The members of a policy that are to change. */
export class PolicyRequest {
  @Optional() @IsInt() @Min(0) @Max(10) approvals?: number;
  @Optional() @IsBoolean() rehearse?: boolean;
  @Optional() @IsIn(ON_FAILURE) onFailure?: OnFailure;
  /** Milliseconds. */
  @Optional() @IsInt() @Min(1) @Max(DAY) stepTimeoutMs?: number;
}
