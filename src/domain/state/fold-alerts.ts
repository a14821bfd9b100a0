import { LASTING } from "../alerting/open-alert.ts";
import { isFor, type AlertTargetState } from "../alerting/target-state.ts";
import type { AlertEvents } from "../alerting/events.ts";
import { databaseIdOf, type FoldEvent } from "../events.ts";
import { happened } from "./happened.ts";
import type { LedgerState } from "./state.ts";

type AlertEvent = Extract<FoldEvent, { type: keyof AlertEvents }>;
type Of<T extends keyof AlertEvents> = Extract<AlertEvent, { type: T }>;

/**
 * Folds alerts into the queues of those who are to be told. A target may be removed while something
 * is on its way to it: what is recorded of it then changes nothing.
 */
export function foldAlerts(state: LedgerState, event: AlertEvent): void {
  switch (event.type) {
    case "AlertRaised":
      enqueue(state, event, () => true);
      return open(state, event);
    case "AlertResolved":
      return resolve(state, event);
    case "AlertTargetAdded":
      return add(state, event);
    case "AlertTargetChanged":
      return withTarget(state, event, change);
    case "AlertTargetRemoved":
      state.alertTargets.delete(event.data.targetId);
      return;
    case "AlertTargetTested":
      return;
    case "AlertDelivered":
      return withTarget(state, event, delivered);
    case "AlertDeliveryFailed":
      return withTarget(state, event, failed);
    case "AlertReplayed":
      return withTarget(state, event, replay);
  }
}

function enqueue(
  state: LedgerState,
  event: Of<"AlertRaised" | "AlertResolved">,
  isTold: (target: AlertTargetState) => boolean,
): void {
  const { alertId, code, severity } = event.data;
  const databaseId = databaseIdOf(event.stream) ?? null;
  for (const target of state.alertTargets.values())
    if (isFor(target, event.data, databaseId) && isTold(target))
      target.queue.push({
        alert: event.index,
        alertId,
        code,
        severity,
        since: event.time,
        attempts: 0,
        retryAt: null,
      });
}

/** Raised again for the same, it goes on. */
function open(state: LedgerState, event: Of<"AlertRaised">): void {
  const { alertId, code, severity, about } = event.data;
  if (!LASTING.has(code)) return;
  const now = happened(event);
  const before = state.openAlerts.get(alertId);
  state.openAlerts.set(alertId, {
    alertId,
    code,
    severity,
    about,
    databaseId: databaseIdOf(event.stream) ?? null,
    raised: before?.raised ?? now,
    last: now,
  });
}

/** Whoever came after it was raised last was never told that it began. */
function resolve(state: LedgerState, event: Of<"AlertResolved">): void {
  const { alertId } = event.data;
  const last = state.openAlerts.get(alertId)?.last.index ?? -1;
  enqueue(state, event, ({ added }) => added.index < last);
  state.openAlerts.delete(alertId);
}

function add(state: LedgerState, event: Of<"AlertTargetAdded">): void {
  const { targetId, ...settings } = event.data;
  state.alertTargets.set(targetId, {
    id: targetId,
    settings,
    added: happened(event),
    changed: null,
    queue: [],
    dead: [],
    delivered: 0,
    lastDelivered: null,
    lastFailure: null,
  });
}

function withTarget<E extends AlertEvent & { readonly data: { readonly targetId: string } }>(
  state: LedgerState,
  event: E,
  apply: (target: AlertTargetState, event: E) => void,
): void {
  const target = state.alertTargets.get(event.data.targetId);
  if (target !== undefined) apply(target, event);
}

function change(target: AlertTargetState, event: Of<"AlertTargetChanged">): void {
  const { targetId: _id, ...settings } = event.data;
  target.settings = settings;
  target.changed = happened(event);
  for (const queued of target.queue) queued.retryAt = null;
}

function delivered(target: AlertTargetState, event: Of<"AlertDelivered">): void {
  leave(target, event.data.alert);
  target.delivered += 1;
  target.lastDelivered = happened(event);
}

function failed(target: AlertTargetState, event: Of<"AlertDeliveryFailed">): void {
  const { alert, attempt, error, retryAt } = event.data;
  target.lastFailure = { ...happened(event), error, attempt };
  const queued = target.queue.find((one) => one.alert === alert);
  if (queued === undefined) return;
  queued.attempts = attempt;
  queued.retryAt = retryAt ?? null;
  if (retryAt !== undefined) return;
  const { alertId, code, severity } = queued;
  leave(target, alert);
  target.dead.push({
    alert,
    alertId,
    code,
    severity,
    attempts: attempt,
    error,
    died: happened(event),
  });
}

/** It is the first: queues may be long, and only their beginning is looked at. */
function leave({ queue }: AlertTargetState, alert: number): void {
  const place = queue.findIndex((one) => one.alert === alert);
  if (place >= 0) queue.splice(place, 1);
}

function replay(target: AlertTargetState, event: Of<"AlertReplayed">): void {
  const wanted = new Set(event.data.alerts);
  for (const { alert, alertId, code, severity } of target.dead)
    if (wanted.has(alert))
      target.queue.push({
        alert,
        alertId,
        code,
        severity,
        since: event.time,
        attempts: 0,
        retryAt: null,
      });
  target.dead = target.dead.filter(({ alert }) => !wanted.has(alert));
}
