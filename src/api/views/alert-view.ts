import type { AlertTargetState, DeadAlert } from "../../domain/alerting/target-state.ts";
import { databaseIdOf, type RecordedEvent } from "../../domain/events.ts";
import type { LedgerState } from "../../domain/state/state.ts";
import type { Names } from "./names.ts";

/** A target, as the API shows it: where it is, never its address, secrets or recipients. */
export const alertTargetView = (target: AlertTargetState, names: Names): object => {
  const { settings, queue, lastFailure } = target;
  const [next] = queue;
  return {
    id: target.id,
    name: settings.name,
    kind: settings.kind,
    place: settings.place,
    severity: settings.severity ?? "warning",
    codes: settings.codes ?? null,
    databases: settings.databases?.map((id) => names.database(id)) ?? null,
    privateAddresses: settings.privateAddresses ?? false,
    addedBy: names.actor(target.added.actor),
    addedAt: target.added.time,
    changedAt: target.changed?.time ?? null,
    queued: queue.length,
    next:
      next === undefined
        ? null
        : {
            alert: next.alert,
            code: next.code,
            since: next.since,
            attempts: next.attempts,
            retryAt: next.retryAt,
          },
    deadLetters: target.dead.length,
    delivered: target.delivered,
    lastDeliveredAt: target.lastDelivered?.time ?? null,
    lastFailure:
      lastFailure === null
        ? null
        : { at: lastFailure.time, attempt: lastFailure.attempt, error: lastFailure.error },
    eventIndex: (target.changed ?? target.added).index,
  };
};

/** An alert that was given up. */
export const deadLetterView = (dead: DeadAlert): object => ({
  alert: dead.alert,
  alertId: dead.alertId,
  code: dead.code,
  severity: dead.severity,
  attempts: dead.attempts,
  error: dead.error,
  at: dead.died.time,
  eventIndex: dead.died.index,
});

/** An alert, and where it has not arrived. */
export const alertView = (
  { index, id, time, stream, data }: RecordedEvent & { readonly type: "AlertRaised" },
  state: LedgerState,
  names: Names,
): object => {
  const databaseId = databaseIdOf(stream);
  const targets = [...state.alertTargets.values()];
  return {
    index,
    id,
    alertId: data.alertId,
    code: data.code,
    severity: data.severity,
    message: data.message,
    hint: data.hint ?? null,
    about: data.about,
    database: databaseId === undefined ? null : names.database(databaseId),
    raisedAt: time,
    open: state.openAlerts.get(data.alertId)?.last.index === index,
    waitsFor: namesOf(targets, ({ queue }) => queue.some(({ alert }) => alert === index)),
    deadFor: namesOf(targets, ({ dead }) => dead.some(({ alert }) => alert === index)),
  };
};

const namesOf = (
  targets: readonly AlertTargetState[],
  has: (target: AlertTargetState) => boolean,
): string[] => targets.filter(has).map(({ settings }) => settings.name);
