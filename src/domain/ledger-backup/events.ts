import type { Failure } from "../shared/errors.ts";

/** Events of the ledger's own backups: stream `service`. */
export interface LedgerBackupEvents {
  /** Intent. `replaces`: older backups of the ledger that go once this one is there. */
  readonly LedgerBackupStarted: {
    readonly backupId: string;
    readonly replaces: readonly string[];
  };
  readonly LedgerBackupCompleted: {
    readonly backupId: string;
    /** Number of events in it; null if that is not known any more. */
    readonly size: number | null;
    readonly bytes: number;
    readonly storedBytes: number;
    /** Digest of its content in the store. */
    readonly sha256: string;
    readonly durationMs: number;
    /** Of those that it replaces: the place keeps them for a time, and a later one tries again. */
    readonly locked?: readonly string[];
    readonly recovered?: boolean;
  };
  /** The ledger goes on from a backup of itself, after everything else was lost. */
  readonly LedgerRestored: {
    /** Null: from a file that was found elsewhere. */
    readonly backupId: string | null;
    /** Number of events it was restored with. */
    readonly size: number;
    readonly reason: string;
    /** Signed statements and databases that were compared with it. */
    readonly anchors: number;
    /** The signing keys were lost as well: from here on others sign. */
    readonly newKeys: boolean;
  };
  readonly LedgerBackupFailed: { readonly backupId: string; readonly error: Failure };
}
