import type { FoldEvent } from "../events.ts";
import { sameTimes } from "../schedule/due.ts";
import { INTERRUPTED, type ScheduleEvents } from "../schedule/events.ts";
import { contradiction } from "./contradiction.ts";
import { happened } from "./happened.ts";
import type { FiringState, ScheduleState } from "./schedule-state.ts";
import type { DatabaseState, LedgerState } from "./state.ts";

type ScheduleEvent = Extract<FoldEvent, { type: keyof ScheduleEvents }>;

/** Firings that are remembered of a schedule; the ledger has them all. */
const RECENT = 10;

/** Firings for one due time whose processes may die. */
const TRIES = 3;

/** Folds schedules and what is done by them. */
export function foldSchedule(
  state: LedgerState,
  database: DatabaseState,
  event: ScheduleEvent,
): void {
  if (event.type === "ScheduleCreated") return create(state, database, event);
  const one = state.schedules.get(event.data.scheduleId);
  if (one === undefined) throw contradiction(event, "the schedule was never created, or is gone");
  switch (event.type) {
    case "ScheduleChanged":
      return change(one, event);
    case "ScheduleDeleted":
      one.deleted = happened(event);
      if (one.open === null) state.schedules.delete(one.id);
      return;
    case "ScheduleMissed": {
      const { first, last, count } = event.data;
      one.settled = last;
      one.missed += count;
      one.lastMissed = { ...happened(event), first, last, count };
      return;
    }
    case "ScheduleSkipped":
      one.settled = event.data.due;
      one.skipped += 1;
      return;
    case "ScheduleRebased":
      one.settled = event.data.to;
      return;
    case "ScheduleFired":
      one.settled = event.data.due;
      one.open = begun(event);
      return;
    case "ScheduleCompleted":
      complete(one, event);
      if (one.deleted !== null) state.schedules.delete(one.id);
      return;
  }
}

type Named<T extends ScheduleEvent["type"]> = Extract<ScheduleEvent, { type: T }>;

function create(
  state: LedgerState,
  { id: databaseId }: DatabaseState,
  event: Named<"ScheduleCreated">,
): void {
  const { scheduleId, schedule } = event.data;
  state.schedules.set(scheduleId, {
    id: scheduleId,
    databaseId,
    created: happened(event),
    schedule,
    changed: null,
    deleted: null,
    settled: event.time,
    open: null,
    recent: [],
    lastSucceeded: null,
    failures: 0,
    missed: 0,
    lastMissed: null,
    skipped: 0,
  });
}

/** What was due while it was paused, or by other times, is not made up for. */
function change(one: ScheduleState, event: Named<"ScheduleChanged">): void {
  const { schedule } = event.data;
  if (!sameTimes(one.schedule, schedule) || one.schedule.paused) one.settled = event.time;
  one.schedule = schedule;
  one.changed = happened(event);
}

const begun = (event: Named<"ScheduleFired">): FiringState => ({
  id: event.data.firingId,
  due: event.data.due,
  caughtUp: event.data.caughtUp ?? false,
  fired: happened(event),
  status: "running",
  operation: null,
  error: null,
  ended: null,
  durationMs: null,
});

function complete(one: ScheduleState, event: Named<"ScheduleCompleted">): void {
  const { firingId, status, operation = null, error = null, durationMs } = event.data;
  const { open } = one;
  if (open?.id !== firingId) throw contradiction(event, "nothing of it has begun");
  const ended = { ...open, status, operation, error, ended: happened(event), durationMs };
  one.open = null;
  one.recent = [ended, ...one.recent].slice(0, RECENT);
  one.failures = status === "succeeded" ? 0 : one.failures + 1;
  if (status === "succeeded") one.lastSucceeded = happened(event);
  // Due again: what a dying process left undone is made up for, unless processes die of it.
  const tries = one.recent.filter(({ due }) => due === open.due).length;
  if (error?.code === INTERRUPTED && tries < TRIES && one.settled === open.due)
    one.settled = new Date(Date.parse(open.due) - 1).toISOString();
}
