import type { EventOf } from "../events.ts";
import type { ScheduleState } from "../state/schedule-state.ts";
import type { DatabaseState } from "../state/state.ts";
import type { Missed } from "./due.ts";
import type { WorkEnd } from "./scheduled-work.ts";

type Alert = EventOf<"AlertRaised">;

/** Somebody is told of times at which nothing was done. */
export const alertOfMissed = (
  { name }: DatabaseState,
  { id, schedule }: ScheduleState,
  { first, last, count }: Missed,
  caughtUp: boolean,
): Alert =>
  alert({
    alertId: `schedule:${id}:missed`,
    code: "schedule-missed",
    severity: "warning",
    message: `Schedule ${schedule.name} of ${name} was missed ${count === 1 ? `at ${first}` : `${count} times from ${first} to ${last}`}${caughtUp ? "; it is made up for now" : ""}`,
    hint: "See that the service runs all the time, and that its clock is right",
    about: { kind: "schedule", id },
  });

/** Somebody is told of work that did not end well, unless it has told them itself. */
export function alertOfFailure(
  { name }: DatabaseState,
  { id, schedule }: ScheduleState,
  { status, error, alerted }: WorkEnd,
): Alert[] {
  if (status === "succeeded" || error === undefined || alerted === true) return [];
  return [
    alert({
      alertId: `schedule:${id}`,
      code: "schedule-failed",
      severity: status === "failed" && schedule.task !== "prune" ? "critical" : "warning",
      message: `Schedule ${schedule.name} of ${name} ${status} (${error.code}): ${error.message}`,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      about: { kind: "schedule", id },
    }),
  ];
}

const alert = (data: Alert["data"]): Alert => ({ type: "AlertRaised", data });
