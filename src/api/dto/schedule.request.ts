import { IsBoolean, IsIn, IsInt, Matches, Max, Min } from "class-validator";
import type { CheckLevel } from "../../domain/integrity/events.ts";
import { SCHEDULED_TASKS, type CatchUp, type ScheduledTask } from "../../domain/schedule/events.ts";
import { Optional, Text } from "./decorators.ts";
import { MAX_REASON } from "./run.request.ts";

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const NAME_MESSAGE = {
  message:
    "$property must be 1 to 63 of a-z, 0-9, dot, dash and underscore, starting with a-z or 0-9",
};
const CATCH_UP: readonly CatchUp[] = ["once", "skip"];
const LEVELS: readonly CheckLevel[] = ["quick", "full"];
const HOUR = 3600;

/** Work to be done time and again. */
export class ScheduleRequest {
  /** Unique among the schedules of the database. Absent: that of the task. */
  @Optional() @Matches(NAME, NAME_MESSAGE) name?: string;
  @IsIn(SCHEDULED_TASKS) task!: ScheduledTask;
  /** Of integrity checks; quick if absent. */
  @Optional() @IsIn(LEVELS) level?: CheckLevel;
  /** Cron expression of five fields: `0 3 * * *`. */
  @Text(100) cron!: string;
  /** IANA name: `Europe/Vienna`. Absent: UTC. */
  @Optional() @Text(100) timeZone?: string;
  /** It is done up to so many seconds later, so that not everything begins at once. */
  @Optional() @IsInt() @Min(0) @Max(HOUR) jitterSeconds?: number;
  /** `once`: what was missed is made up for by one firing; `skip`: it is only recorded. */
  @Optional() @IsIn(CATCH_UP) catchUp?: CatchUp;
  @Optional() @IsBoolean() paused?: boolean;
  @Optional() @Text(MAX_REASON) reason?: string;
}

/** The members of a schedule that are to change. */
export class ScheduleChangeRequest {
  @Optional() @Matches(NAME, NAME_MESSAGE) name?: string;
  @Optional() @IsIn(LEVELS) level?: CheckLevel;
  @Optional() @Text(100) cron?: string;
  @Optional() @Text(100) timeZone?: string;
  @Optional() @IsInt() @Min(0) @Max(HOUR) jitterSeconds?: number;
  @Optional() @IsIn(CATCH_UP) catchUp?: CatchUp;
  @Optional() @IsBoolean() paused?: boolean;
  @Optional() @Text(MAX_REASON) reason?: string;
}

/** Why a schedule is deleted. */
export class ScheduleDeletionQuery {
  @Optional() @Text(500) reason?: string;
}
