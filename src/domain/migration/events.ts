import type { OnFailure, TransactionMode } from "../database/events.ts";
import type { Failure } from "../shared/errors.ts";
import type { SchemaChange, SchemaObject, SchemaRenames } from "../schema/schema.ts";

/** Events of runs and their steps: in the stream of the database, correlation = run id. */
export interface RunEvents {
  readonly RunRequested: {
    readonly runId: string;
    readonly kind: RunKind;
    /** The version the run leads to; null = before every migration. */
    readonly to: string | null;
    readonly steps: readonly PlannedStep[];
    readonly planDigest: string;
    readonly reason?: string;
    readonly ticket?: string;
    readonly rehearse: boolean;
    readonly onFailure?: OnFailure;
    /** Rollbacks only. */
    readonly strategy?: RollbackStrategy;
    /** Rollbacks: the backup that is brought back where the steps are undone by one. */
    readonly restores?: string;
    /** What the plan's texts say it may destroy. Absent: ordinary. */
    readonly risk?: RiskClass;
    /** Approvals that the policy asked for. Absent: none. */
    readonly approvalsNeeded?: number;
    /** RFC 3339: the run does not begin earlier. */
    readonly notBefore?: string;
    /** May begin outside the window and during a freeze; needs one approval more. */
    readonly exception?: boolean;
    /** Begins at once without approvals; must be reviewed by `reviewBy`. */
    readonly emergency?: boolean;
    readonly reviewBy?: string;
    /** The plan is executed on a restored copy alone: the database is not changed. */
    readonly rehearsalOnly?: boolean;
    /** With `rehearsalOnly`: the down scripts, and the ups again, are executed as well. */
    readonly withDown?: boolean;
  };
  readonly RunStarted: {
    readonly runId: string;
    readonly fingerprint: string;
    /** Planned versions that another run has done since this one was requested. */
    readonly skipped?: readonly string[];
    /** The policy wants none. */
    readonly withoutBackup?: boolean;
  };
  /** Steps executed on a restored copy; the managed database was not touched. */
  readonly RehearsalCompleted: {
    readonly runId: string;
    readonly backupId: string;
    readonly outcome: "passed" | "failed";
    readonly steps: readonly RehearsedStep[];
    readonly error?: Failure;
    readonly durationMs: number;
    /** Rollbacks with strategy auto: down then up again gave the same schema and rows. */
    readonly lossless?: boolean;
  };
  /** Intent of a step. Its ledger index is the fencing token. */
  readonly StepStarted: StepRef & {
    readonly name: string;
    readonly checksum: string;
    readonly planDigest: string;
    readonly transaction: TransactionMode;
    /** 1-based place in the run, and how many there are. */
    readonly position: number;
    readonly of: number;
  };
  /** An up step was committed together with its marker. */
  readonly StepApplied: StepRef & StepFacts;
  /** A down step was committed together with its marker. */
  readonly StepReverted: StepRef & StepFacts;
  /** The step was undone by the engine (`unchanged`), or nobody can say (`unknown`). */
  readonly StepFailed: StepRef & {
    readonly error: Failure;
    readonly state: "unchanged" | "unknown";
    readonly findings: readonly Finding[];
  };
  /** Recovery or the fence found that the step was not applied, or it was given up before it began. */
  readonly StepAborted: StepRef & {
    readonly reason: string;
    readonly recovered: boolean;
    /** False: its intent was recorded ahead, and the step before it failed. */
    readonly begun?: false;
  };
  readonly StepUnknown: StepRef & { readonly reason: string };
  readonly StepResolved: StepRef & {
    readonly decision: "applied" | "aborted";
    readonly reason: string;
  };
  /** Recovery holds the database's lock; its index is the new fencing token. */
  readonly RecoveryStarted: {
    readonly reason: "start" | "before-work" | "after-failure";
    readonly attempts: readonly string[];
  };
  readonly RunCompleted: {
    readonly runId: string;
    readonly fingerprint: string;
    readonly durationMs: number;
    /** Versions applied or reverted, in the order done. */
    readonly versions: readonly string[];
  };
  readonly RunFailed: {
    readonly runId: string;
    readonly error: Failure;
    /** What became of the run's earlier steps. */
    readonly outcome: RunFailureOutcome;
    /** What went wrong while the run's steps were being undone. */
    readonly afterwards?: Failure;
    readonly durationMs: number;
  };
  readonly RunCancelled: {
    readonly runId: string;
    readonly reason: string;
    readonly outcome: RunFailureOutcome;
    readonly durationMs: number;
  };
}

/** `destructive`: a step drops, rebuilds or deletes, runs outside a transaction, or is undone. */
export type RiskClass = "ordinary" | "destructive";
export type RunKind = "migrate" | "rollback";
export type RollbackStrategy = "auto" | "down" | "restore";
/** `untouched`: the database was not changed by the run. */
export type RunFailureOutcome = "untouched" | "kept" | "reverted" | "restored" | "unknown";
export type Direction = "up" | "down";

export interface PlannedStep {
  readonly version: string;
  readonly name: string;
  readonly checksum: string;
  readonly direction: Direction;
  readonly transaction: TransactionMode;
}

/** Names one try of one step. */
export interface StepRef {
  readonly runId: string;
  /** UUID of this try. */
  readonly attempt: string;
  readonly version: string;
  readonly direction: Direction;
}

/** What a committed step did. */
export interface StepFacts {
  readonly fingerprintBefore: string;
  readonly fingerprintAfter: string;
  readonly schemaChanges: readonly SchemaChange[];
  /** Tables and columns that have another name than before. Absent: none, or not known. */
  readonly renames?: SchemaRenames;
  /** Tables whose row count changed. `before`/`after` null: the table did not exist. */
  readonly rows: readonly RowChange[];
  readonly statements: number;
  readonly durationMs: number;
  /** How long the database's write lock was held. */
  readonly lockMs: number;
  readonly findings: readonly Finding[];
  /** What the runner changed in the script before running it, in words. */
  readonly rewritings: readonly string[];
  /** Found committed by recovery; counts and durations are then unknown (0, empty). */
  readonly recovered?: boolean;
}

export interface RowChange {
  readonly table: string;
  readonly before: number | null;
  readonly after: number | null;
}

/** Something a check found. `error` fails the step, `warning` is recorded, `info` explains. */
export interface Finding {
  readonly severity: "error" | "warning" | "info";
  /** Stable kebab-case. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly table?: string;
  /** 1-based statement number. */
  readonly statement?: number;
}

export interface RehearsedStep {
  readonly version: string;
  readonly direction: Direction;
  readonly fingerprintAfter: string;
  readonly durationMs: number;
  readonly rows: readonly RowChange[];
  readonly findings: readonly Finding[];
  readonly renames?: SchemaRenames;
}

/** A table whose rows were counted with the schema they belong to. */
export interface TableRows {
  readonly [table: string]: number;
}

export type { SchemaObject };
