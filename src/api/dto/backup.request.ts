import { IsIn, IsUUID } from "class-validator";
import { Names, Optional, Text } from "./decorators.ts";
import { MAX_REASON } from "./run.request.ts";

/** A backup to take. */
export class BackupRequest {
  @Optional() @IsIn(["full", "table"]) kind?: "full" | "table";
  @Optional() @Names(1000) tables?: string[];
}

/** A backup to bring back. */
export class RestoreRequest {
  @IsUUID() backupId!: string;
  @Text(MAX_REASON) reason!: string;
}

/** An integrity check to run. */
export class CheckRequest {
  @Optional() @IsIn(["quick", "full"]) level?: "quick" | "full";
}
