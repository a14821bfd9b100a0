import type { Finding } from "../migration/events.ts";
import type { Failure } from "../shared/errors.ts";

/** Events of the recovery of a whole database: in its stream. */
export interface RecoveryEvents {
  /** Somebody wants the database brought back to a sound state. It waits its turn. */
  readonly DatabaseRecoveryRequested: {
    readonly recoveryId: string;
    readonly reason: string;
    /** Absent: what is found decides. */
    readonly procedure?: RecoveryProcedure;
    /** Of the restore that it leads to, where that needs consent. */
    readonly notBefore?: string;
    readonly exception?: boolean;
    readonly emergency?: boolean;
  };
  /** What is wrong, and what is going to be done about it. */
  readonly DatabaseRecoveryPlanned: {
    readonly recoveryId: string;
    readonly procedure: RecoveryProcedure | "none";
    readonly findings: readonly Finding[];
    /** The run that failed half-way, if it is the cause. */
    readonly failedRunId?: string;
    /** Verified backups to try, the best first. */
    readonly candidates: readonly string[];
    /** Versions that are to be applied in the end. */
    readonly versions: readonly string[];
    /** Why nobody's consent is asked. Absent: its restore is asked for as any other. */
    readonly exempt?: "database-broken";
  };
  readonly DatabaseRecoveryCompleted: {
    readonly recoveryId: string;
    readonly procedure: RecoveryProcedure | "none";
    readonly backupId?: string;
    readonly restoreId?: string;
    /** The run that applied again what the backup lacks. */
    readonly runId?: string;
    readonly window?: LossWindow;
    /** Candidates that turned out not to be restorable. */
    readonly rejected: readonly string[];
    readonly durationMs: number;
  };
  readonly DatabaseRecoveryFailed: {
    readonly recoveryId: string;
    readonly error: Failure;
    readonly restoreId?: string;
    readonly runId?: string;
    readonly window?: LossWindow;
    readonly rejected: readonly string[];
  };
}

/**
 * `failed-migration`: back to before the run that stopped half-way. `corruption`: the newest backup
 * that passes, then the migrations that it lacks.
 */
export type RecoveryProcedure = "failed-migration" | "corruption";

/** What was written in this time is in no backup: it may be lost. */
export interface LossWindow {
  readonly from: string;
  readonly to: string;
  readonly tables: readonly LossInTable[];
  /** What was replaced, as far as it could be kept: rows may be found there. */
  readonly safetyBackupId: string | null;
}

export interface LossInTable {
  readonly table: string;
  /** Rows after the restore. */
  readonly restored: number;
  /** Rows when they were last counted; null if nobody ever could. */
  readonly lastKnown: number | null;
}
