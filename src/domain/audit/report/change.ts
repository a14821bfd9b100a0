import type { Failure } from "../../shared/errors.ts";
import type { Direction, PlannedStep, RowChange, RunKind } from "../../migration/events.ts";
import type { TestResult } from "../../governance/events.ts";
import type { TrustVerdict } from "../../trust/policy.ts";
import type { SchemaChange } from "../../schema/schema.ts";

/** An event that says something, and by whom. */
export interface Evidence {
  readonly index: number;
  readonly time: string;
  /** Pseudonym. */
  readonly actor: string;
}

/** A run, which is what auditors call a change, with where the ledger says each thing about it. */
export interface Change {
  readonly runId: string;
  readonly databaseId: string;
  readonly kind: RunKind;
  readonly to: string | null;
  /** It was requested before the period began. */
  readonly carriedOver: boolean;
  readonly requested: Evidence;
  /** Executed on a restored copy alone: no change of the database. */
  readonly rehearsalOnly: boolean;
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly class: "normal" | "exception" | "emergency";
  readonly risk: string;
  readonly planDigest: string;
  readonly plan: readonly PlannedScript[];
  readonly approvalsNeeded: number;
  readonly reviewBy: string | null;
  readonly approvals: Approval[];
  readonly refusals: (Evidence & { readonly code: string })[];
  readonly scheduled: (Evidence & { readonly at: string; readonly cause: string })[];
  started: Evidence | null;
  rehearsal: Rehearsal | null;
  /** Tests of this plan that ran elsewhere. */
  readonly tests: readonly TestEvidence[];
  readonly backups: ChangeBackup[];
  readonly steps: ChangeStep[];
  readonly restores: ChangeRestore[];
  readonly checks: (Evidence & { readonly status: string })[];
  readonly recoveries: Evidence[];
  ended: Ending | null;
  review: (Evidence & { readonly verdict: string; readonly comment: string }) | null;
  /** What executed it: taken from the event that started it. */
  executor: { readonly tool: string; readonly host: string; readonly instance: string } | null;
}

/** A planned step with what it runs, by digest in the content store. */
export interface PlannedScript extends PlannedStep {
  /** The registration that made the migration known; null if the ledger has none left. */
  readonly registered: Evidence | null;
  readonly up: string | null;
  readonly down: string | null;
  readonly verify: string | null;
  /** Digest of the signature file. */
  readonly signature: string | null;
  /** Why the policy took it; null where it asked nothing. */
  readonly trust: TrustVerdict | null;
}

export interface TestEvidence extends Evidence {
  readonly environment: string;
  readonly result: TestResult;
  readonly artifact: string | null;
  readonly reference: string | null;
}

export interface Approval extends Evidence {
  readonly meaning: string;
  readonly planDigest: string;
  /** Event that took it back or in which it expired. */
  ended: number | null;
}

export interface Rehearsal extends Evidence {
  readonly backupId: string;
  readonly outcome: "passed" | "failed";
  readonly durationMs: number;
  readonly lossless: boolean | null;
}

export interface ChangeBackup {
  readonly backupId: string;
  readonly purpose: string;
  readonly started: Evidence;
  completed: (Evidence & { readonly sha256: string; readonly bytes: number }) | null;
  verified: Evidence | null;
  failed: Evidence | null;
}

export interface ChangeStep {
  readonly attempt: string;
  readonly version: string;
  readonly name: string;
  readonly checksum: string;
  readonly direction: Direction;
  readonly intent: Evidence;
  outcome: StepOutcome | null;
}

export interface StepOutcome extends Evidence {
  readonly type: string;
  readonly error?: Failure;
  readonly reason?: string;
  readonly recovered?: boolean;
  readonly durationMs?: number;
  readonly statements?: number;
  readonly fingerprintBefore?: string;
  readonly fingerprintAfter?: string;
  readonly rows?: readonly RowChange[];
  readonly schemaChanges?: readonly ObjectChange[];
}

/** An object of the schema that a step changed, as SQL before and after it. */
export interface ObjectChange extends Pick<SchemaChange, "change" | "type" | "name"> {
  readonly before: string | null;
  readonly after: string | null;
}

export interface ChangeRestore {
  readonly restoreId: string;
  readonly backupId: string;
  readonly requested: Evidence;
  ended: (Evidence & { readonly outcome: "completed" | "failed" }) | null;
}

export interface Ending extends Evidence {
  readonly type: "RunCompleted" | "RunFailed" | "RunCancelled" | "RunRejected";
  readonly outcome: string;
  readonly error: Failure | null;
  readonly durationMs: number | null;
}

/** How a change stands at the end of the period, in one word. */
export function statusOf({ ended, started }: Change): string {
  switch (ended?.type) {
    case "RunCompleted":
      return "succeeded";
    case "RunFailed":
      return "failed";
    case "RunCancelled":
      return "cancelled";
    case "RunRejected":
      return "rejected";
    case undefined:
      return started === null ? "not started" : "under way";
  }
}

/** Approvals that were not taken back. */
export const standingApprovals = ({ approvals }: Change): readonly Approval[] =>
  approvals.filter(({ ended }) => ended === null);
