import { IsIn } from "class-validator";
import type { BackupKind, BackupPurpose } from "../../domain/backup/events.ts";
import type { CheckLevel } from "../../domain/integrity/events.ts";
import type { RunKind } from "../../domain/migration/events.ts";
import type { CheckState } from "../../domain/state/state.ts";
import {
  BACKUP_STATUSES,
  RUN_STATUSES,
  type BackupStatus,
  type RunStatus,
} from "../../domain/state/statuses.ts";
import { Optional, QueryInt, Text, Time } from "./decorators.ts";

const RUN_KINDS: readonly RunKind[] = ["migrate", "rollback"];
const BACKUP_KINDS: readonly BackupKind[] = ["full", "table", "raw"];
const PURPOSES: readonly BackupPurpose[] = ["manual", "run", "safety"];
const CHECK_STATUSES: readonly CheckState["status"][] = ["running", "passed", "failed", "aborted"];
const LEVELS: readonly CheckLevel[] = ["quick", "full"];

/** One page of what began in a time. */
export class RangeQuery {
  @Optional() @QueryInt(1, 1000) limit?: number;
  /** The `next` of the page before. */
  @Optional() @Text(100) after?: string;
  /** Not earlier than this. */
  @Optional() @Time() from?: string;
  /** Not later than this. */
  @Optional() @Time() to?: string;
}

/** Runs to list. */
export class RunsQuery extends RangeQuery {
  @Optional() @Text(100) database?: string;
  @Optional() @IsIn(RUN_STATUSES) status?: RunStatus;
  @Optional() @IsIn(RUN_KINDS) kind?: RunKind;
}

/** Backups to list. */
export class BackupsQuery extends RangeQuery {
  @Optional() @IsIn(BACKUP_STATUSES) status?: BackupStatus;
  @Optional() @IsIn(BACKUP_KINDS) kind?: BackupKind;
  @Optional() @IsIn(PURPOSES) purpose?: BackupPurpose;
}

/** Restores to list. */
export class RestoresQuery extends RangeQuery {
  @Optional() @IsIn(RUN_STATUSES) status?: RunStatus;
}

/** Integrity checks to list. */
export class ChecksQuery extends RangeQuery {
  @Optional() @IsIn(CHECK_STATUSES) status?: CheckState["status"];
  @Optional() @IsIn(LEVELS) level?: CheckLevel;
}

/** Backups to sum up. */
export class BackupMetricsQuery {
  /** Name or id; absent: of every database. */
  @Optional() @Text(100) database?: string;
  @Optional() @Time() from?: string;
  @Optional() @Time() to?: string;
}
