import type { Failure } from "../shared/errors.ts";
import type { PrunedBecause, Retention } from "./retention.ts";

/** Events of what is kept and what goes: in the stream of the database. */
export interface RetentionEvents {
  /** Somebody wants the backups that the policy does not keep to go. It waits its turn. */
  readonly PruneRequested: {
    readonly pruneId: string;
    readonly reason: string;
    /** The run that succeeded, if the policy asks for it after each. */
    readonly runId?: string;
  };
  /** Intent: only these backups may go, by these rules. */
  readonly PruneStarted: {
    readonly pruneId: string;
    readonly retention: Retention;
    readonly backups: readonly { readonly backupId: string; readonly because: PrunedBecause }[];
  };
  /** The backup is gone from the store. */
  readonly BackupPruned: {
    readonly backupId: string;
    readonly pruneId: string;
    readonly because: PrunedBecause;
    /** Size of what it was a backup of, and what it had in the store, bytes. */
    readonly bytes: number;
    readonly storedBytes: number;
    /** Found gone after a crash. */
    readonly recovered?: boolean;
  };
  readonly PruneCompleted: {
    readonly pruneId: string;
    readonly pruned: number;
    /** Bytes that the store has less. What other backups share stays. */
    readonly freedBytes: number;
    /** Backups that the intent named and that were kept after all: a hold came meanwhile. */
    readonly spared: readonly string[];
    /** Backups that the place itself keeps for a time: there as before, for a later prune. */
    readonly locked?: readonly string[];
    /** False: the store was busy; what nobody needs any more goes with the next prune. */
    readonly swept: boolean;
    readonly durationMs: number;
  };
  readonly PruneFailed: {
    readonly pruneId: string;
    readonly error: Failure;
    /** Backups that went before. */
    readonly pruned: number;
  };
  /** From here on the backup, or without one every backup of the database, is not pruned. */
  readonly LegalHoldPlaced: {
    readonly holdId: string;
    readonly backupId?: string;
    readonly reason: string;
  };
  readonly LegalHoldReleased: { readonly holdId: string; readonly reason: string };
}
