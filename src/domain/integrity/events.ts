import type { Finding } from "../migration/events.ts";

/** Events of integrity checks: in the stream of the database. */
export interface IntegrityEvents {
  readonly IntegrityCheckStarted: {
    readonly checkId: string;
    readonly level: CheckLevel;
    readonly runId?: string;
  };
  readonly IntegrityCheckCompleted: {
    readonly checkId: string;
    /** `aborted`: the check itself could not be carried out. */
    readonly status: "passed" | "failed" | "aborted";
    readonly findings: readonly Finding[];
    readonly durationMs: number;
  };
}

/** `quick`: structure, schema, markers, foreign keys' sample; `full`: also indexes against tables. */
export type CheckLevel = "quick" | "full";
