import { IsIn, IsUUID } from "class-validator";
import type { OnConflict, RestoreMethod, TriggerMode } from "../../domain/backup/events.ts";
import { CircumstancesRequest } from "./circumstances.request.ts";
import { Names, Optional, Text, Time } from "./decorators.ts";
import { MAX_REASON } from "./run.request.ts";

const ON_CONFLICT: readonly OnConflict[] = ["refuse", "keep", "overwrite", "replace"];
const TRIGGERS: readonly TriggerMode[] = ["skip", "fire"];
const METHODS: readonly RestoreMethod[] = ["online", "offline"];

/** A backup to bring back. */
export class RestoreRequest extends CircumstancesRequest {
  @Optional() @IsUUID() backupId?: string;
  /** The state just before this run changed anything. */
  @Optional() @IsUUID() beforeRun?: string;
  /** The newest state that is not later than this. */
  @Optional() @Time() at?: string;
  /** Single tables instead of the whole database. */
  @Optional() @Names(1000) tables?: string[];
  /** What happens to rows of these tables that have other values now. Default `refuse`. */
  @Optional() @IsIn(ON_CONFLICT) onConflict?: OnConflict;
  /** What the triggers of these tables do meanwhile; must be said if there are any. */
  @Optional() @IsIn(TRIGGERS) triggers?: TriggerMode;
  /** A new file to write instead of the database: an absolute path or `file:` URL under a root. */
  @Optional() @Text(4096) target?: string;
  /** `offline` renames a new file into place; refused while anybody has the database open. */
  @Optional() @IsIn(METHODS) method?: RestoreMethod;
  @Text(MAX_REASON) reason!: string;
}
