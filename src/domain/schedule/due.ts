import type { Digest } from "../shared/digest.ts";
import type { ScheduleState } from "../state/schedule-state.ts";
import type { Schedule } from "./events.ts";
import type { Timetable } from "./timetable.ts";

/** What is to be done about a schedule now. */
export type Due =
  | { readonly kind: "wait"; readonly until: string | undefined }
  | { readonly kind: "rebase"; readonly to: string }
  /** `missed` null: the newest due time is the only one, and has just come. */
  | {
      readonly kind: "due";
      readonly due: string;
      readonly late: boolean;
      readonly missed: Missed | null;
    };

export interface Missed {
  readonly first: string;
  readonly last: string;
  readonly count: number;
}

/** What of a state it depends on. */
export type Timed = Pick<ScheduleState, "id" | "schedule" | "settled">;

/** Later than this it is not on time any more, ms. */
export const ON_TIME = 120_000;

/** A clock that was set back by less is one that was corrected: nothing is done twice, ms. */
export const CORRECTION = 3_600_000;

/** Missed times are not counted further: each takes a while to work out. */
export const COUNTED = 100;

/**
 * Decides from the schedule, what was dealt with and the time alone. The clock may stand still, jump,
 * or go back: whatever time it is now, every due time since the last one dealt with has come.
 */
export function dueNow(timed: Timed, now: string, timetable: Timetable, digest: Digest): Due {
  const { schedule, settled } = timed;
  if (schedule.paused) return { kind: "wait", until: undefined };
  if (ms(settled) - ms(now) > CORRECTION) return { kind: "rebase", to: now };
  const first = nextFiring(timed, settled, timetable, digest);
  if (first === undefined || ms(first.at) > ms(now)) return { kind: "wait", until: first?.at };
  let newest = first;
  let before: string | undefined;
  let count = 1;
  for (; count < COUNTED; count++) {
    const next = nextFiring(timed, newest.due, timetable, digest);
    if (next === undefined || ms(next.at) > ms(now)) break;
    before = newest.due;
    newest = next;
  }
  if (count === COUNTED) {
    newest = newestFiring(timed, now, timetable, digest) ?? newest;
    before = timetable.last(schedule, justBefore(newest.due));
  }
  const late = ms(now) - ms(newest.at) > ON_TIME;
  return {
    kind: "due",
    due: newest.due,
    late,
    missed: missed(first.due, newest.due, before, count, late),
  };
}

/** One due time, and when it is done: later by its jitter. */
export interface Firing {
  readonly due: string;
  readonly at: string;
}

/** The first one after a due time. */
export function nextFiring(
  timed: Pick<Timed, "id" | "schedule">,
  after: string,
  timetable: Timetable,
  digest: Digest,
): Firing | undefined {
  const due = timetable.next(timed.schedule, after);
  if (due === undefined) return undefined;
  return { due, at: jittered(timed, due, timetable, digest) };
}

function newestFiring(
  timed: Timed,
  now: string,
  timetable: Timetable,
  digest: Digest,
): Firing | undefined {
  for (let at: string | undefined = now; at !== undefined; at = justBefore(at)) {
    const due = timetable.last(timed.schedule, at);
    if (due === undefined) return undefined;
    const firing = { due, at: jittered(timed, due, timetable, digest) };
    if (ms(firing.at) <= ms(now)) return firing;
    at = due;
  }
  return undefined;
}

/**
 * The same for the same due time, so that a restart changes nothing, and never so much that the next
 * due time would come before it.
 */
function jittered(
  { id, schedule }: Pick<Timed, "id" | "schedule">,
  due: string,
  timetable: Timetable,
  digest: Digest,
): string {
  const { jitterSeconds = 0 } = schedule;
  if (jitterSeconds === 0) return due;
  const next = timetable.next(schedule, due);
  const room = next === undefined ? Infinity : (ms(next) - ms(due)) / 2;
  const share = Number.parseInt(digest.ofText(`${id} ${due}`).slice(-8), 16) / 0x1_0000_0000;
  return utc(ms(due) + Math.floor(Math.min(jitterSeconds * 1000, room) * share));
}

/** A late one is missed itself, and may be made up for. */
function missed(
  first: string,
  newest: string,
  before: string | undefined,
  count: number,
  late: boolean,
): Missed | null {
  if (late) return { first, last: newest, count };
  return before === undefined ? null : { first, last: before, count: count - 1 };
}

/** What a changed schedule is due from: its old times are not dealt with any more. */
export const sameTimes = (one: Schedule, other: Schedule): boolean =>
  one.cron === other.cron && one.timeZone === other.timeZone;

const ms = (time: string): number => Date.parse(time);
const utc = (time: number): string => new Date(time).toISOString();
const justBefore = (time: string): string => utc(ms(time) - 1);
