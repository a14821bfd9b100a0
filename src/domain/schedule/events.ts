import type { CheckLevel } from "../integrity/events.ts";
import type { Failure } from "../shared/errors.ts";

/** Events of work that is done time and again: in the stream of its database, correlation = schedule id. */
export interface ScheduleEvents {
  readonly ScheduleCreated: {
    readonly scheduleId: string;
    readonly schedule: Schedule;
    readonly reason?: string;
  };
  /** The whole schedule as it is from here on; also when it is paused and goes on. */
  readonly ScheduleChanged: {
    readonly scheduleId: string;
    readonly schedule: Schedule;
    readonly reason?: string;
  };
  readonly ScheduleDeleted: { readonly scheduleId: string; readonly reason?: string };
  /** Due times at which nothing was done: the service was down, or its clock jumped over them. */
  readonly ScheduleMissed: {
    readonly scheduleId: string;
    readonly first: string;
    readonly last: string;
    /** Not counted further than 100. */
    readonly count: number;
  };
  /** Nothing is done at this due time because something else is. */
  readonly ScheduleSkipped: {
    readonly scheduleId: string;
    readonly due: string;
    readonly cause: SkipCause;
  };
  /** The clock was set back behind due times that were dealt with: they will come once more. */
  readonly ScheduleRebased: {
    readonly scheduleId: string;
    /** Up to when they were dealt with, and from when on they are due again. */
    readonly from: string;
    readonly to: string;
  };
  /** Intent: the work of one due time is done now. */
  readonly ScheduleFired: {
    readonly scheduleId: string;
    readonly firingId: string;
    readonly task: ScheduledTask;
    readonly due: string;
    /** It makes up for times that were missed. */
    readonly caughtUp?: boolean;
  };
  /** What became of it. */
  readonly ScheduleCompleted: {
    readonly scheduleId: string;
    readonly firingId: string;
    /** `aborted`: it could not be brought to an end, and says nothing of the database. */
    readonly status: FiringStatus;
    /** The operation that did the work, if there is one to look at. */
    readonly operation?: string;
    readonly error?: Failure;
    readonly durationMs: number;
  };
}

/** What is done, and when. */
export interface Schedule {
  /** Unique among the schedules of its database. */
  readonly name: string;
  readonly task: ScheduledTask;
  /** Of integrity checks. */
  readonly level?: CheckLevel;
  /** Cron expression, five fields: `0 3 * * *`. */
  readonly cron: string;
  /** IANA name: `Europe/Vienna`. */
  readonly timeZone: string;
  /** Seconds by which it may be done later, so that not everything begins at once. */
  readonly jitterSeconds?: number;
  /** Whether times that were missed are made up for, by one firing. */
  readonly catchUp: CatchUp;
  readonly paused: boolean;
}

export type ScheduledTask =
  | "backup"
  | "integrity-check"
  | "drift-check"
  | "scrub"
  | "drill"
  | "prune";
export type CatchUp = "once" | "skip";
export type SkipCause = "still-running";
export type FiringStatus = "succeeded" | "failed" | "aborted";

/** Code of the failure of what was under way when its process ended. */
export const INTERRUPTED = "interrupted";

export const SCHEDULED_TASKS: readonly ScheduledTask[] = [
  "backup",
  "integrity-check",
  "drift-check",
  "scrub",
  "drill",
  "prune",
];
