import type { EventType } from "../events.ts";
import type { Failure } from "../shared/errors.ts";

export type Severity = "critical" | "warning";

/** The forms in which targets take alerts. */
export type TargetKind = "webhook" | "slack" | "alertmanager" | "mail";

/** What an alert is about. */
export type AboutKind =
  | "backup"
  | "scrub"
  | "drill"
  | "recovery"
  | "check"
  | "prune"
  | "schedule"
  | "restore"
  | "run"
  | "policy-change"
  | "database"
  | "ledger"
  | "target";

/** Which alerts a target is told of, and how it is reached. */
export interface TargetSettings {
  readonly name: string;
  readonly kind: TargetKind;
  /** Where it is, for people: scheme, host and port. Paths and queries may be secrets. */
  readonly place: string;
  /** Names its address and secrets, which are kept outside the ledger. */
  readonly secretId: string;
  /** `critical`: those alone. Absent: all. */
  readonly severity?: "critical";
  /** Codes of alerts. Absent: all. */
  readonly codes?: readonly string[];
  /** Ids of databases; alerts about the service itself are left out then. Absent: all. */
  readonly databases?: readonly string[];
  /** It may be reached at private, loopback and link-local addresses, and without TLS. */
  readonly privateAddresses?: true;
}

/** One delivery of one alert to one target. */
export interface DeliveryRef {
  readonly targetId: string;
  /** Index of its `AlertRaised` or `AlertResolved`. */
  readonly alert: number;
  readonly alertId: string;
  /** 1-based; counts on over restarts, and begins anew with a replay. */
  readonly attempt: number;
}

/**
 * Alerts and what became of them. `AlertRaised` is in the stream of its database, if it has one;
 * all others are in the stream `service`.
 */
export interface AlertEvents {
  /** Somebody should be told. Recorded in one append with what it is about, wherever it has an event. */
  readonly AlertRaised: {
    /** Names the trouble: raised again for the same, it is the same. */
    readonly alertId: string;
    /** Stable kebab-case: names the kind of trouble. */
    readonly code: string;
    readonly severity: Severity;
    readonly message: string;
    readonly hint?: string;
    /** What it is about. */
    readonly about: { readonly kind: AboutKind; readonly id: string };
    /** Type of the event in the same append that says what happened. */
    readonly cause?: EventType;
  };
  /**
   * A trouble that lasted is over: nothing in the state, or outside, speaks of it any more. Recorded
   * by a look at what is open, once for each.
   */
  readonly AlertResolved: {
    readonly alertId: string;
    readonly code: string;
    readonly severity: Severity;
    readonly message: string;
    readonly about: { readonly kind: AboutKind; readonly id: string };
    /** Index and time of the `AlertRaised` with which it began. */
    readonly raised: number;
    readonly since: string;
  };
  readonly AlertTargetAdded: TargetSettings & { readonly targetId: string };
  /** The whole new settings. What waits is tried at once. */
  readonly AlertTargetChanged: TargetSettings & { readonly targetId: string };
  /** What it was not told yet, it is not told any more. */
  readonly AlertTargetRemoved: { readonly targetId: string; readonly reason: string };
  /** Somebody had a message sent to see whether it arrives. */
  readonly AlertTargetTested: {
    readonly targetId: string;
    readonly delivered: boolean;
    readonly error?: Failure;
    readonly durationMs: number;
  };
  /** The target has taken the alert. */
  readonly AlertDelivered: DeliveryRef & { readonly durationMs: number };
  readonly AlertDeliveryFailed: DeliveryRef & {
    readonly error: Failure;
    readonly durationMs: number;
    /** When it is tried again. Absent: it is given up, and waits among the dead letters. */
    readonly retryAt?: string;
  };
  /** Dead letters shall be sent again, behind what waits. */
  readonly AlertReplayed: {
    readonly targetId: string;
    readonly alerts: readonly number[];
    readonly reason?: string;
  };
}
