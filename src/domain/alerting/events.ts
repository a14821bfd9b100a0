/** Events that somebody should be told of: in the stream of the database. */
export interface AlertEvents {
  readonly AlertRaised: {
    /** Names the trouble: raised again for the same, it is the same. */
    readonly alertId: string;
    /** Stable kebab-case: names the kind of trouble. */
    readonly code: string;
    readonly severity: "critical" | "warning";
    readonly message: string;
    readonly hint?: string;
    /** What it is about. */
    readonly about: {
      readonly kind: "backup" | "scrub" | "drill" | "recovery" | "check" | "prune" | "schedule";
      readonly id: string;
    };
  };
}
