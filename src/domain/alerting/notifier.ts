import type { TargetSettings } from "./events.ts";
import type { Alert } from "./rules.ts";

/** What a target is told. */
export interface AlertMessage {
  /** The same at each attempt: receivers drop by it what they have already. */
  readonly id: string;
  /** RFC 3339: when it was raised. */
  readonly time: string;
  /** Index of its event; null for a test. */
  readonly index: number | null;
  readonly origin: string;
  /** The database's name; null: it is about the service. */
  readonly database: string | null;
  readonly alert: Alert | TestAlert;
  /** The trouble is over; when it was raised, RFC 3339. */
  readonly over?: { readonly since: string };
}

/** A message that somebody wants to see arrive. */
export interface TestAlert extends Omit<Alert, "severity" | "about"> {
  readonly severity: "info";
}

/** What a notifier needs to know of a target. */
export interface Reachable {
  readonly settings: Pick<TargetSettings, "secretId" | "privateAddresses">;
}

/** Takes alerts to those who are to be told. */
export interface Notifier {
  /**
   * Resolves when the target has taken it. Errors, all DomainErrors: alert-address-refused,
   * alert-target-unreachable, alert-target-redirects, alert-target-refuses, alert-target-failed,
   * alert-secret-missing. `details.final`: the message itself is refused, and would be again;
   * `details.retryAfterMs`: the target wants to be left alone so long.
   */
  send(target: Reachable, message: AlertMessage): Promise<void>;
  /** Breaks off what is on its way: whether it arrived is not known then. */
  close(): void;
}

/** An address with what is needed to use it: kept outside the ledger. */
export type TargetAddress = Address & {
  /** As in the target's settings: for what must be told without a ledger. */
  readonly privateAddresses?: true;
};

type Address =
  | { readonly kind: "webhook"; readonly url: string; readonly secrets: readonly string[] }
  | { readonly kind: "slack"; readonly url: string }
  | { readonly kind: "alertmanager"; readonly url: string; readonly authorization?: string }
  | MailAddress;

export interface MailAddress {
  readonly kind: "mail";
  /** `smtp:` (TLS by STARTTLS) or `smtps:`, host and port. */
  readonly url: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly username?: string;
  readonly password?: string;
}

/** Keeps addresses and secrets of targets where no ledger and no answer has them. */
export interface TargetSecrets {
  /** Durable when it resolves. */
  put(secretId: string, address: TargetAddress): Promise<void>;
  find(secretId: string): Promise<TargetAddress | undefined>;
  /** Forgets all others. */
  keepOnly(secretIds: ReadonlySet<string>): Promise<void>;
}
