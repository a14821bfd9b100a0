/** Events about the audit history being read: stream `service`. */
export interface AuditEvents {
  /**
   * Somebody was given audit data. Answers that follow soon are counted together; the first of them
   * are told one by one.
   */
  readonly AuditAccessed: {
    /** Answers given from the first of these times to the second. */
    readonly answers: number;
    readonly from: string;
    readonly to: string;
    readonly shown: readonly AuditAccess[];
  };
  /** A report was given out. A later edit of the file shows. */
  readonly ReportIssued: IssuedReport;
}

/** The periods and digests of reports that were given out. */
export interface IssuedReport {
  readonly report: "changes" | "evidence";
  /** Media type. */
  readonly format: string;
  readonly from: string;
  readonly to: string;
  /** Indexes of the period's first and last event. */
  readonly first: number;
  readonly last: number;
  /** `sha256:` + hex: of the file; of the manifest in an evidence bundle. */
  readonly sha256: string;
}

/** One answer with audit data. */
export interface AuditAccess {
  readonly time: string;
  /** The operation, as in the API's description. */
  readonly operation: string;
  readonly query: { readonly [parameter: string]: string };
  /** Media type of the answer. */
  readonly format: string;
  /** Events or rows in it. */
  readonly items: number;
  /** `sha256:` + hex of what was sent, where it is large enough to be kept as a file. */
  readonly sha256?: string;
  /** The reader did not get all of it. */
  readonly brokenOff?: true;
  readonly requestId: string;
}
