import type { Exemption } from "../governance/events.ts";
import type { Failure } from "../shared/errors.ts";
import type { Finding, TableRows } from "../migration/events.ts";
import type { SchemaObject } from "../schema/schema.ts";

/** Events of backups and restores: in the stream of the database. */
export interface BackupEvents {
  /** Intent: from here on the store may be written. */
  readonly BackupStarted: {
    readonly backupId: string;
    readonly kind: BackupKind;
    readonly purpose: BackupPurpose;
    readonly tables?: readonly string[];
    readonly runId?: string;
  };
  readonly BackupCompleted: BackupFacts;
  readonly BackupFailed: { readonly backupId: string; readonly error: Failure };
  /** Restored to scratch through the path a restore takes, opened, checked and compared. */
  readonly BackupVerified: {
    readonly backupId: string;
    readonly quickCheck: "ok";
    readonly fingerprint: string;
    readonly tables: number;
    readonly rows: number;
    readonly durationMs: number;
  };
  /** Intent of a verification that was asked for. */
  readonly BackupVerificationRequested: { readonly backupId: string };
  /** The verification could not be carried out; nothing is said of the backup. */
  readonly BackupVerificationAborted: { readonly backupId: string; readonly error: Failure };
  /** The backup is never chosen for a restore again. */
  readonly BackupVerificationFailed: { readonly backupId: string; readonly error: Failure };
  /** Tables that a step is about to rebuild, drop or delete from are kept. */
  readonly TableBackupCompleted: {
    readonly backupId: string;
    readonly runId: string;
    readonly attempt: string;
    readonly tables: TableRows;
    /** `contained`: unchanged since the run's full backup, which holds them (`within`). */
    readonly method: "contained" | "copied";
    readonly within?: string;
    readonly bytes?: number;
    readonly storedBytes?: number;
    readonly sha256?: string;
  };
  /** A restore was asked for and waits its turn. */
  readonly RestoreRequested: RestoreOrder &
    RestoreDemands & {
      readonly restoreId: string;
      readonly backupId: string;
      readonly reason: string;
      readonly runId?: string;
      readonly recoveryId?: string;
    };
  /** Somebody wants the restore to be given up; its outcome says whether that was in time. */
  readonly RestoreCancelRequested: { readonly restoreId: string; readonly reason: string };
  /** Intent. `incarnation` is written into the database by the restore's own transaction. */
  readonly RestoreStarted: {
    readonly restoreId: string;
    readonly backupId: string;
    /** Backup of the state that is about to be replaced; null only if nothing was there. */
    readonly safetyBackupId: string | null;
    readonly incarnation: string;
    readonly reason: string;
    readonly runId?: string;
    readonly tables?: readonly string[];
    readonly target?: string;
    /** With `target`: hex SHA-256 of the file that is about to be written. */
    readonly sha256?: string;
  };
  readonly RestoreCompleted: {
    readonly restoreId: string;
    readonly backupId: string;
    readonly incarnation: string;
    readonly fingerprint: string;
    readonly schema: readonly SchemaObject[];
    /** Versions whose newest marker in the restored database is `done`. */
    readonly applied: readonly string[];
    /** Rows per table just before and just after; shows what the restore took back. */
    readonly rowsBefore: TableRows;
    readonly rowsAfter: TableRows;
    readonly durationMs: number;
    /** Only these tables were brought back: what happened to each. */
    readonly tables?: readonly TableRestored[];
    /** The backup was written to this new file; the database itself was not touched. */
    readonly target?: string;
    readonly sha256?: string;
    readonly method?: RestoreMethod;
    readonly findings?: readonly Finding[];
    readonly recovered?: boolean;
  };
  readonly RestoreFailed: {
    readonly restoreId: string;
    readonly error: Failure;
    readonly state: "unchanged" | "unknown";
    readonly findings?: readonly Finding[];
  };
}

/** What the policy demands of a restore; absent: nothing. */
export interface RestoreDemands {
  /** Over exactly what is restored and what it replaces: approvals are bound to it. */
  readonly planDigest?: string;
  readonly approvalsNeeded?: number;
  /** RFC 3339: it does not begin earlier. */
  readonly notBefore?: string;
  /** May begin outside the window and during a freeze; needs one approval more. */
  readonly exception?: boolean;
  /** Begins at once without approvals; must be reviewed by `reviewBy`. */
  readonly emergency?: boolean;
  readonly reviewBy?: string;
  /** Why nobody's consent is asked. */
  readonly exempt?: Exemption;
}

/** How a restore was asked for. */
export interface RestoreOrder {
  /** The drifted schema that it is to undo, by its fingerprint. */
  readonly reverts?: string;
  /** Single tables instead of the whole database. */
  readonly tables?: readonly string[];
  /** What happens to rows of these tables that the backup has otherwise. Default `refuse`. */
  readonly onConflict?: OnConflict;
  /** What the triggers of these tables do meanwhile; must be said if there are any. */
  readonly triggers?: TriggerMode;
  /** A new file to write instead of the database. */
  readonly target?: string;
  /** Default `online`. */
  readonly method?: RestoreMethod;
  /** What chose the backup, if not its id: the run before which, or the time at which. */
  readonly beforeRun?: string;
  readonly at?: string;
}

/**
 * Rows that are missing are always brought back. `refuse`: nothing is done if a row differs from the
 * backup; `keep`: such rows stay as they are; `overwrite`: they become the backup's; `replace`: the
 * table becomes the backup's, rows added since go.
 */
export type OnConflict = "refuse" | "keep" | "overwrite" | "replace";
export type TriggerMode = "skip" | "fire";

/** `offline`: the file is replaced by a rename, only when it is proven that nobody has it open. */
export type RestoreMethod = "online" | "offline";

/** What a restore did to one table. */
export interface TableRestored {
  readonly table: string;
  /** It was not there any more: made again with its indexes and triggers. */
  readonly created: boolean;
  readonly inserted: number;
  readonly overwritten: number;
  readonly deleted: number;
  /** Rows that differ from the backup and were left so. */
  readonly differing: number;
  /** Rows that the backup does not have and that were left. */
  readonly addedSince: number;
  /** Columns that the backup does not have: restored rows have their defaults. */
  readonly defaulted: readonly string[];
  /** Triggers that were not fired. */
  readonly triggersSkipped: readonly string[];
}

/** `raw`: a byte copy of files that the engine can no longer read, kept before a restore. */
export type BackupKind = "full" | "table" | "raw";
export type BackupPurpose = "manual" | "run" | "safety";

export interface BackupFacts {
  readonly backupId: string;
  /** Size of the snapshot, bytes. */
  readonly bytes: number;
  /** Bytes that were added to the store: what it has already is not stored again. */
  readonly storedBytes: number;
  /** Hex. Merkle tree hash over the SHA-256 of each 4 KiB of the snapshot. */
  readonly sha256: string;
  /** Logical schema under the snapshot; null for a raw copy. */
  readonly fingerprint: string | null;
  readonly rows: TableRows;
  /** Versions applied in the snapshot. */
  readonly applied: readonly string[];
  readonly incarnation: string;
  readonly durationMs: number;
}
