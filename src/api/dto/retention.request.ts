import { IsBoolean, IsInt, Max, Min } from "class-validator";
import { Optional } from "./decorators.ts";

const MOST = 100_000;

/** Which backups are kept; what no member keeps may be pruned. */
export class RetentionRequest {
  /** The newest ones. */
  @Optional() @IsInt() @Min(0) @Max(MOST) keepLast?: number;
  /** The newest of each of so many days (UTC) that have one. */
  @Optional() @IsInt() @Min(0) @Max(MOST) daily?: number;
  @Optional() @IsInt() @Min(0) @Max(MOST) weekly?: number;
  @Optional() @IsInt() @Min(0) @Max(MOST) monthly?: number;
  /** Verified ones that are kept in any case; at least one is. */
  @Optional() @IsInt() @Min(1) @Max(MOST) minVerified?: number;
  /** Nothing is pruned. */
  @Optional() @IsBoolean() legalHold?: boolean;
  /** Prune after each run that succeeded. */
  @Optional() @IsBoolean() cleanupAfterSuccess?: boolean;
}
