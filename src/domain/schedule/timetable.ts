import type { Schedule } from "./events.ts";

/** Times by the clock on the wall, daylight saving included. Times are RFC 3339 UTC. */
export interface Timetable {
  /** The first one after `after`; undefined if there is none. Error: `InvalidInput` schedule-invalid. */
  next(times: Times, after: string): string | undefined;
  /** The last one that is not after `at`. */
  last(times: Times, at: string): string | undefined;
}

export type Times = Pick<Schedule, "cron" | "timeZone">;
