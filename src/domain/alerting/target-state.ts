import type { Failure } from "../shared/errors.ts";
import type { Happened } from "../state/state.ts";
import type { AlertEvents, Severity, TargetSettings } from "./events.ts";

/** Where alerts are sent, with what waits for it: the outbox is this fold, and nothing else. */
export interface AlertTargetState {
  readonly id: string;
  settings: TargetSettings;
  readonly added: Happened;
  changed: Happened | null;
  /** Due and not delivered, in the order in which they are sent. */
  readonly queue: QueuedAlert[];
  /** Given up. */
  dead: DeadAlert[];
  /** How many it has taken. */
  delivered: number;
  lastDelivered: Happened | null;
  lastFailure: (Happened & { readonly error: Failure; readonly attempt: number }) | null;
}

export interface QueuedAlert {
  /** Index of its `AlertRaised` or `AlertResolved`. */
  readonly alert: number;
  readonly alertId: string;
  readonly code: string;
  readonly severity: Severity;
  /** When it was raised or resolved, or replayed last. */
  readonly since: string;
  attempts: number;
  /** Null: at once. */
  retryAt: string | null;
}

export interface DeadAlert {
  readonly alert: number;
  readonly alertId: string;
  readonly code: string;
  readonly severity: Severity;
  readonly attempts: number;
  readonly error: Failure;
  readonly died: Happened;
}

/** Whether a target is to be told of an alert. `databaseId` null: it is about the service. */
export function isFor(
  { id, settings }: Pick<AlertTargetState, "id" | "settings">,
  alert: Pick<AlertEvents["AlertRaised"], "about" | "severity" | "code">,
  databaseId: string | null,
): boolean {
  // That it cannot be told is not told to the target itself.
  if (alert.about.kind === "target" && alert.about.id === id) return false;
  if (settings.severity === "critical" && alert.severity !== "critical") return false;
  if (settings.codes !== undefined && !settings.codes.includes(alert.code)) return false;
  return (
    settings.databases === undefined ||
    (databaseId !== null && settings.databases.includes(databaseId))
  );
}
