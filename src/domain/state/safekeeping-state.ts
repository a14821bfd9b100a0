import type { AssuranceEvents, AssuranceStatus } from "../assurance/events.ts";
import type { RecoveryEvents, RecoveryProcedure } from "../recovery/events.ts";
import type { RetentionEvents } from "../retention/events.ts";
import type { Failure } from "../shared/errors.ts";
import type { Happened } from "./state.ts";

/** A legal hold: what it names is not pruned. */
export interface HoldState {
  readonly id: string;
  /** Null: every backup of the database. */
  readonly backupId: string | null;
  readonly reason: string;
  readonly placed: Happened;
}

export interface PruneState {
  readonly id: string;
  readonly databaseId: string;
  readonly reason: string;
  readonly runId: string | undefined;
  readonly requested: Happened;
  status: "queued" | "running" | "succeeded" | "failed";
  /** What the intent names. */
  intended: RetentionEvents["PruneStarted"]["backups"];
  /** Backups that are gone. */
  readonly pruned: string[];
  spared: readonly string[];
  freedBytes: number;
  durationMs: number | null;
  ended: Happened | null;
  error: Failure | null;
}

/** The recovery of a whole database. */
export interface RecoveryState {
  readonly id: string;
  readonly databaseId: string;
  readonly reason: string;
  readonly asked: RecoveryProcedure | undefined;
  readonly requested: Happened;
  status: "queued" | "running" | "succeeded" | "failed";
  plan: Omit<RecoveryEvents["DatabaseRecoveryPlanned"], "recoveryId"> | null;
  facts: RecoveryEvents["DatabaseRecoveryCompleted"] | null;
  failure: RecoveryEvents["DatabaseRecoveryFailed"] | null;
  ended: Happened | null;
}

/** A scrub of all backups, or a restore drill. */
export interface AssuranceState {
  readonly id: string;
  readonly databaseId: string;
  readonly kind: "scrub" | "drill";
  readonly reason: string | undefined;
  readonly requested: Happened;
  status: "queued" | AssuranceStatus;
  scrub: AssuranceEvents["ScrubCompleted"] | null;
  drill: AssuranceEvents["DrillCompleted"] | null;
  ended: Happened | null;
}

/** Backups of the ledger itself. */
export interface LedgerBackupsState {
  /** The one that has begun and has no outcome. */
  open: string | null;
  /** Those in the store, oldest first. */
  kept: string[];
  newest: (Happened & { readonly backupId: string; readonly size: number | null }) | null;
  /** What the open one replaces. */
  replaces: readonly string[];
  /** Something has happened since that must not be lost. */
  due: boolean;
}
