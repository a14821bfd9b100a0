import { IsBoolean, IsIn, Matches } from "class-validator";
import type { OnFailure } from "../../domain/database/events.ts";
import type { RollbackStrategy } from "../../domain/migration/events.ts";
import { CircumstancesRequest } from "./circumstances.request.ts";
import { FreeText, Optional, Text, Version } from "./decorators.ts";
import { ON_FAILURE } from "./policy.request.ts";

export const MAX_REASON = 2000;
export const DIGEST = /^sha256:[0-9a-f]{64}$/;
export const DIGEST_MESSAGE = { message: "$property must be sha256: and 64 hex digits" };
const STRATEGIES: readonly RollbackStrategy[] = ["auto", "down", "restore"];

/** What a plan is asked for. */
export class PlanRequest {
  /** A version, or `latest` (the default). */
  @Optional() @Version() to?: string;
}

/** A run to start. */
export class RunRequest extends CircumstancesRequest {
  /** A version, or `latest` (the default). */
  @Optional() @Version() to?: string;
  @Optional() @FreeText(MAX_REASON) reason?: string;
  @Optional() @FreeText(200) ticket?: string;
  /** Refuses the run unless its plan is still this one. */
  @Optional()
  @Matches(DIGEST, DIGEST_MESSAGE)
  planDigest?: string;
  @Optional() @IsBoolean() rehearse?: boolean;
  @Optional() @IsIn(ON_FAILURE) onFailure?: OnFailure;
}

/** A plan to execute on a restored copy only. */
export class RehearsalRequest {
  /** A version, or `latest` (the default). */
  @Optional() @Version() to?: string;
  /** Execute the down scripts afterwards, and the ups again. */
  @Optional() @IsBoolean() withDown?: boolean;
}

/** A roll back to an earlier version. */
export class RollbackRequest extends CircumstancesRequest {
  @Version() to!: string;
  @Optional() @IsIn(STRATEGIES) strategy?: RollbackStrategy;
  @Text(MAX_REASON) reason!: string;
}

/** Why a migration that is not applied is given up. */
export class WithdrawalRequest {
  @Text(MAX_REASON) reason!: string;
}

/** Why a run is cancelled. */
export class CancelRequest {
  @Text(MAX_REASON) reason!: string;
}
