import type { Policy } from "../database/events.ts";

/**
 * Events about whether and when a run, a restore or a change of policy may begin: in the stream of its
 * database, correlation = its id.
 */
export interface GovernanceEvents {
  /** The actor approves exactly this plan. Counts until it is withdrawn or expires. */
  readonly RunApproved: Consent & { readonly runId: string };
  /** The actor approves that exactly this backup is brought back in exactly this way. */
  readonly RestoreApproved: Consent & { readonly restoreId: string };
  /** The actor approves that the policy demands less, exactly so. */
  readonly PolicyChangeApproved: Consent & { readonly policyChangeId: string };
  /** The end of a run that nobody may execute. */
  readonly RunRejected: { readonly runId: string; readonly reason: string };
  /** The end of a restore that nobody may carry out. */
  readonly RestoreRejected: { readonly restoreId: string; readonly reason: string };
  readonly PolicyChangeRejected: { readonly policyChangeId: string; readonly reason: string };
  /** The actor takes their own approval back. */
  readonly ApprovalWithdrawn: Concerns & { readonly comment?: string };
  /** Approvals (their event indexes) that were given too long ago, or with a key revoked since. */
  readonly ApprovalExpired: Concerns & {
    readonly approvals: readonly number[];
    /** Absent: given too long ago. */
    readonly cause?: "key-revoked";
  };
  /** Somebody tried to decide who may not, or on another plan. */
  readonly ApprovalRefused: Concerns & {
    readonly decision: ApprovalDecision | "review";
    /** The problem code answered. */
    readonly code: string;
    readonly planDigest: string;
    /** How many more followed since the last such event. Absent: this is the first. */
    readonly repeated?: number;
  };
  /** The run may begin at `at`, not before. */
  readonly RunScheduled: {
    readonly runId: string;
    readonly at: string;
    readonly cause: WaitCause;
  };
  /** The restore may begin at `at`, not before. */
  readonly RestoreScheduled: {
    readonly restoreId: string;
    readonly at: string;
    readonly cause: WaitCause;
  };
  /** Somebody wants the policy to demand less, and waits for others who agree. */
  readonly PolicyChangeRequested: {
    readonly policyChangeId: string;
    /** The whole policy as it is to be. */
    readonly policy: Policy;
    /** Its members that would demand less. */
    readonly weakens: readonly string[];
    /** Over the policy as it is and as it is to be. */
    readonly planDigest: string;
    readonly approvalsNeeded?: number;
    readonly emergency?: boolean;
    readonly reviewBy?: string;
    readonly reason?: string;
  };
  /** The change is given up before it was approved. */
  readonly PolicyChangeCancelled: { readonly policyChangeId: string; readonly reason: string };
  /**
   * A plan was tested somewhere else than here: by a pipeline, on a copy of its own. Bound to the
   * plan's digest, so that it says nothing of any other plan; it may come before the run is asked for.
   */
  readonly TestEvidenceRecorded: {
    readonly planDigest: string;
    /** Where: `staging`, `ci`. */
    readonly environment: string;
    readonly result: TestResult;
    /** `sha256:` + hex of what the test left behind: a log, a report. */
    readonly artifact?: string;
    /** Where to find it, for people. */
    readonly reference?: string;
  };
  /** Somebody else looked at an emergency afterwards. */
  readonly EmergencyReviewed: Concerns & {
    readonly verdict: ReviewVerdict;
    readonly comment: string;
  };
}

/** What an event is about: exactly one of them. */
export interface Concerns {
  readonly runId?: string;
  readonly restoreId?: string;
  readonly policyChangeId?: string;
}

/** What an approval says. */
export interface Consent {
  readonly planDigest: string;
  /** Fingerprint of the schema that the ledger knows at that time. */
  readonly fingerprint: string;
  /** What the approval says, for people (21 CFR 11.50). */
  readonly meaning: string;
  readonly comment?: string;
  /** The API key that was used: the approval counts only while it is not revoked. */
  readonly keyId?: string;
  /** The approver's own signature over what is approved and its digest, verified. */
  readonly signature?: ApprovalSignature;
}

/**
 * Why nobody's consent is asked: `rehearsal`, `new-file`: the database is not changed; `part-of-run`:
 * approved with the run that it undoes; `database-broken`: the database was found to be broken, and
 * losing nothing comes first.
 */
export type Exemption = "rehearsal" | "new-file" | "part-of-run" | "database-broken";

/** Whoever signed, with what, and the file itself: anybody can verify it again. */
export interface ApprovalSignature {
  readonly signer: string;
  readonly format: "sshsig" | "minisign";
  readonly key: string;
  readonly file: string;
}

export type ApprovalDecision = "approve" | "reject" | "withdraw";
export type TestResult = "passed" | "failed";
export type ReviewVerdict = "accepted" | "objected";
/** Why a run waits although it is approved. */
export type WaitCause = "not-before" | "window" | "freeze";
