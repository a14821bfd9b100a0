import { IsBoolean, IsUUID, ValidateIf } from "class-validator";
import { Optional, Text } from "./decorators.ts";
import { MAX_REASON } from "./run.request.ts";

/** Backups to let go. */
export class PruneRequest {
  /** Only say what would go. */
  @Optional() @IsBoolean() dryRun?: boolean;
  /** Needed unless nothing is done. */
  @ValidateIf(({ dryRun, reason }: PruneRequest) => dryRun !== true || reason !== undefined)
  @Text(MAX_REASON)
  reason?: string;
}

/** Backups that must not go. */
export class HoldRequest {
  /** Absent: every backup of the database, those to come included. */
  @Optional() @IsUUID() backupId?: string;
  @Text(MAX_REASON) reason!: string;
}

/** Why a hold ends. */
export class ReleaseRequest {
  @Text(MAX_REASON) reason!: string;
}
