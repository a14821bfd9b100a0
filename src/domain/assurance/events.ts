import type { Finding } from "../migration/events.ts";
import type { Failure } from "../shared/errors.ts";

/** Events that show whether backups can be relied on: in the stream of the database. */
export interface AssuranceEvents {
  /** Every backup in the store shall be read and compared again. It waits its turn. */
  readonly ScrubRequested: { readonly scrubId: string; readonly reason?: string };
  readonly ScrubCompleted: {
    readonly scrubId: string;
    /** `failed`: at least one is damaged. `aborted`: at least one could not be read now. */
    readonly status: AssuranceStatus;
    readonly verified: readonly string[];
    readonly damaged: readonly string[];
    /** Nothing is said of these: what kept them from being read had nothing to do with them. */
    readonly unread: readonly { readonly backupId: string; readonly error: Failure }[];
    /** Bytes of content that were read and compared. */
    readonly bytes: number;
    readonly durationMs: number;
  };
  /** The newest verified backup shall be restored to scratch and examined as a database. */
  readonly DrillRequested: { readonly drillId: string; readonly reason?: string };
  readonly DrillCompleted: {
    readonly drillId: string;
    readonly status: AssuranceStatus;
    /** Null: there is none to restore. */
    readonly backupId: string | null;
    readonly findings: readonly Finding[];
    readonly rows: number;
    readonly bytes: number;
    /** How long the restore took, and the full check of what was restored. */
    readonly restoreMs: number;
    readonly checkMs: number;
  };
}

export type AssuranceStatus = "passed" | "failed" | "aborted";
