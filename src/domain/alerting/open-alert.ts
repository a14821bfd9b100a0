import type { Happened } from "../state/state.ts";
import type { AboutKind, Severity } from "./events.ts";

/** A trouble that was told and is not known to be over. */
export interface OpenAlert {
  readonly alertId: string;
  readonly code: string;
  readonly severity: Severity;
  readonly about: { readonly kind: AboutKind; readonly id: string };
  /** Null: it is about the service. */
  readonly databaseId: string | null;
  /** When it was raised first, and last. */
  readonly raised: Happened;
  readonly last: Happened;
}

/** Codes of alerts whose trouble lasts until something ends it; of all others the event is the end. */
export const LASTING: ReadonlySet<string> = new Set([
  "database-quarantined",
  "drift-detected",
  "backup-too-old",
  "integrity-check-failed",
  "emergency-review-overdue",
  "schedule-failed",
  "ledger-not-anchored",
]);
