import { IsIn } from "class-validator";
import type { RecoveryProcedure } from "../../domain/recovery/events.ts";
import { CircumstancesRequest } from "./circumstances.request.ts";
import { Optional, Text } from "./decorators.ts";
import { MAX_REASON } from "./run.request.ts";

const PROCEDURES: readonly RecoveryProcedure[] = ["failed-migration", "corruption"];

/** A database to bring back. */
export class RecoveryRequest extends CircumstancesRequest {
  @Text(MAX_REASON) reason!: string;
  /** Absent: what is found decides. */
  @Optional() @IsIn(PROCEDURES) procedure?: RecoveryProcedure;
}
