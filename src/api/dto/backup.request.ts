import { IsIn } from "class-validator";
import { Names, Optional } from "./decorators.ts";

/** A backup to take. */
export class BackupRequest {
  @Optional() @IsIn(["full", "table"]) kind?: "full" | "table";
  @Optional() @Names(1000) tables?: string[];
}

/** An integrity check to run. */
export class CheckRequest {
  @Optional() @IsIn(["quick", "full"]) level?: "quick" | "full";
}
