import type { Failure } from "../shared/errors.ts";
import type { TableRows } from "../migration/events.ts";
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
  readonly RestoreRequested: {
    readonly restoreId: string;
    readonly backupId: string;
    readonly reason: string;
    readonly runId?: string;
  };
  /** Intent. `incarnation` is written into the database by the restore's own transaction. */
  readonly RestoreStarted: {
    readonly restoreId: string;
    readonly backupId: string;
    /** Backup of the state that is about to be replaced; null only if nothing was there. */
    readonly safetyBackupId: string | null;
    readonly incarnation: string;
    readonly reason: string;
    readonly runId?: string;
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
    readonly recovered?: boolean;
  };
  readonly RestoreFailed: {
    readonly restoreId: string;
    readonly error: Failure;
    readonly state: "unchanged" | "unknown";
  };
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
