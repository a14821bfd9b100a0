/** Events about whether and when a run may begin: in the stream of its database, correlation = run id. */
export interface GovernanceEvents {
  /** The actor approves exactly this plan. Counts until it is withdrawn or expires. */
  readonly RunApproved: {
    readonly runId: string;
    readonly planDigest: string;
    /** Fingerprint of the schema that the plan starts from. */
    readonly fingerprint: string;
    /** What the approval says, for people (21 CFR 11.50). */
    readonly meaning: string;
    readonly comment?: string;
    /** The API key that was used: the approval counts only while it is not revoked. */
    readonly keyId?: string;
    /** The approver's own signature over run and plan, verified. */
    readonly signature?: ApprovalSignature;
  };
  /** The end of a run that nobody may execute. */
  readonly RunRejected: { readonly runId: string; readonly reason: string };
  /** The actor takes their own approval back. */
  readonly ApprovalWithdrawn: { readonly runId: string; readonly comment?: string };
  /** Approvals (their event indexes) that were given too long ago, or with a key revoked since. */
  readonly ApprovalExpired: {
    readonly runId: string;
    readonly approvals: readonly number[];
    /** Absent: given too long ago. */
    readonly cause?: "key-revoked";
  };
  /** Somebody tried to decide who may not, or on another plan. */
  readonly ApprovalRefused: {
    readonly runId: string;
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
  /** Somebody else looked at an emergency run afterwards. */
  readonly EmergencyReviewed: {
    readonly runId: string;
    readonly verdict: ReviewVerdict;
    readonly comment: string;
  };
}

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
