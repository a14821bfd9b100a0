import type { StepFacts } from "../../domain/migration/events.ts";
import { diffSchema } from "../../domain/schema/schema.ts";
import { schemaOf } from "./catalog.ts";
import type { GuardedOutcome } from "./guarded-script.ts";
import { changedRows } from "./rows.ts";
import type { ScriptAnalysis } from "../../domain/engine/dialect.ts";
import type { Baseline } from "./step-baseline.ts";

/** Points in time of a step, in milliseconds of the process's own clock. */
export interface StepTimes {
  readonly started: number;
  readonly lockedAt: number;
  readonly now: number;
}

/** What a step did, as the ledger records it. */
export function factsOf(
  work: {
    readonly script: ScriptAnalysis;
    readonly before: Pick<Baseline, "state">;
    readonly outcome: GuardedOutcome;
  },
  times: StepTimes,
): StepFacts {
  const { script, outcome } = work;
  const before = work.before.state;
  const { after } = outcome;
  return {
    fingerprintBefore: before.fingerprint,
    fingerprintAfter: after.fingerprint,
    schemaChanges: diffSchema(schemaOf(before.catalog), schemaOf(after.catalog)),
    rows: changedRows(before.rows, after.rows),
    statements: script.statements.length,
    durationMs: Math.round(times.now - times.started),
    lockMs: Math.round(times.now - times.lockedAt),
    findings: outcome.findings,
    rewritings: script.rewritings,
  };
}
