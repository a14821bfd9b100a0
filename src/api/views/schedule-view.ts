import type { FiringState, ScheduleState } from "../../domain/state/schedule-state.ts";
import type { Names } from "./names.ts";

/** A schedule, as the API shows it. */
export const scheduleView = (one: ScheduleState, names: Names): object => {
  const { schedule, lastMissed, created, changed } = one;
  return {
    id: one.id,
    database: names.database(one.databaseId),
    databaseId: one.databaseId,
    name: schedule.name,
    task: schedule.task,
    level: schedule.level ?? null,
    cron: schedule.cron,
    timeZone: schedule.timeZone,
    jitterSeconds: schedule.jitterSeconds ?? 0,
    catchUp: schedule.catchUp,
    paused: schedule.paused,
    status: statusOf(one),
    last: firingView(one.open ?? one.recent[0]),
    lastSucceededAt: one.lastSucceeded?.time ?? null,
    failures: one.failures,
    missed: one.missed,
    lastMissed:
      lastMissed === null
        ? null
        : { first: lastMissed.first, last: lastMissed.last, count: lastMissed.count },
    skipped: one.skipped,
    createdBy: names.actor(created.actor),
    createdAt: created.time,
    changedBy: changed === null ? null : names.actor(changed.actor),
    changedAt: changed?.time ?? null,
    eventIndex: created.index,
  };
};

/** What has been done lately, newest first. */
export const firingsView = ({ open, recent }: ScheduleState): readonly (object | null)[] =>
  [...(open === null ? [] : [open]), ...recent].map(firingView);

function statusOf({ schedule, open, failures }: ScheduleState): string {
  if (schedule.paused) return "paused";
  if (open !== null) return "running";
  return failures > 0 ? "failing" : "ready";
}

function firingView(firing: FiringState | undefined): object | null {
  if (firing === undefined) return null;
  const { id, due, caughtUp, status, operation, error, durationMs, fired, ended } = firing;
  return {
    id,
    due,
    caughtUp,
    status,
    operation,
    error,
    firedAt: fired.time,
    endedAt: ended?.time ?? null,
    durationMs,
    eventIndex: fired.index,
  };
}
