import { ArrayMaxSize, IsBoolean, IsIn, IsInt, Max, Min } from "class-validator";
import type { Approvers, OnFailure } from "../../domain/database/events.ts";
import { RetentionRequest } from "./retention.request.ts";
import { ApprovalSignaturesRequest, SqlLimitsRequest, TrustRequest } from "./trust.request.ts";
import { Clearable, ListOf, Nested, Optional, Text, Time } from "./decorators.ts";

export const ON_FAILURE: readonly OnFailure[] = ["stop", "revert", "restore"];
const APPROVERS: readonly Approvers[] = ["people", "provider"];
const DAY = 86_400_000;
const WEEK_MINUTES = 7 * 24 * 60;
const YEAR_HOURS = 366 * 24;

/** When runs may begin: opens by the clock on the wall of its time zone, for some minutes. */
export class WindowRequest {
  /** Cron expression of five fields: `0 2 * * SAT`. */
  @Text(100) opens!: string;
  @IsInt() @Min(1) @Max(WEEK_MINUTES) minutes!: number;
  /** IANA name: `Europe/Vienna`. */
  @Text(100) timeZone!: string;
}

/** A period in which no run begins. */
export class FreezeRequest {
  @Time() from!: string;
  @Time() to!: string;
  @Text(500) reason!: string;
}

/** The members of a policy that are to change. Null takes a member away that need not be there. */
export class PolicyRequest {
  @Optional() @IsInt() @Min(0) @Max(10) approvals?: number;
  @Clearable() @IsInt() @Min(0) @Max(10) approvalsIfDestructive?: number | null;
  /** Hours for which an approval counts. */
  @Clearable() @IsInt() @Min(1) @Max(YEAR_HOURS) approvalHours?: number | null;
  @Optional() @IsBoolean() rehearse?: boolean;
  /** `none`: runs take no backup. PostgreSQL alone, and only with `rehearse: false`. */
  @Clearable() @IsIn(["none"]) backup?: "none" | null;
  @Clearable() @IsIn(ON_FAILURE) onFailure?: OnFailure | null;
  /** Milliseconds. */
  @Clearable() @IsInt() @Min(1) @Max(DAY) stepTimeoutMs?: number | null;
  /** Milliseconds for which a step waits for one lock before it lets the others by; PostgreSQL alone. */
  @Clearable() @IsInt() @Min(10) @Max(60_000) lockWaitMs?: number | null;
  @Clearable() @Nested(() => WindowRequest) window?: WindowRequest | null;
  @Clearable() @ArrayMaxSize(100) @ListOf(() => FreezeRequest) freezes?: FreezeRequest[] | null;
  /** Hours within which an emergency run must be reviewed; 72 where the policy says nothing. */
  @Clearable() @IsInt() @Min(1) @Max(YEAR_HOURS) reviewHours?: number | null;
  /** Hours after which the newest verified backup is too old: somebody is told. */
  @Clearable() @IsInt() @Min(1) @Max(YEAR_HOURS) backupAlertHours?: number | null;
  /** Which backups are kept; replaces what was said before as a whole. */
  @Clearable() @Nested(() => RetentionRequest) retention?: RetentionRequest | null;
  /** `people`: keys with an owner, and tokens of the provider; `provider`: the latter alone. */
  @Clearable() @IsIn(APPROVERS) approvers?: Approvers | null;
  /** Whose own signatures approvals may, or must, carry; replaces what was said before as a whole. */
  @Clearable()
  @Nested(() => ApprovalSignaturesRequest)
  approvalSignatures?: ApprovalSignaturesRequest | null;
  /** Whose migrations are taken; replaces what was said before as a whole. */
  @Clearable() @Nested(() => TrustRequest) trust?: TrustRequest | null;
  /** How much and what SQL a migration may have; replaces what was said before as a whole. */
  @Clearable() @Nested(() => SqlLimitsRequest) sqlLimits?: SqlLimitsRequest | null;
}
