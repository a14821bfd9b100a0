import type { StepFacts } from "../../domain/migration/events.ts";
import { diffSchema } from "../../domain/schema/schema.ts";
import { schemaOf } from "./catalog.ts";
import type { GuardedOutcome } from "./guarded-script.ts";
import { changedRows } from "./rows.ts";
import { schemaRenames } from "./schema-renames.ts";
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
    /** `moves` only where the script could move anything. */
    readonly outcome: Pick<GuardedOutcome, "after" | "findings"> &
      Partial<Pick<GuardedOutcome, "moves">>;
  },
  times: StepTimes,
): StepFacts {
  const { script, outcome } = work;
  const before = work.before.state;
  const { after, moves } = outcome;
  const renames =
    moves === undefined ? undefined : schemaRenames(before.catalog, after.catalog, moves);
  return {
    fingerprintBefore: before.fingerprint,
    fingerprintAfter: after.fingerprint,
    schemaChanges:
      before.catalog === after.catalog
        ? []
        : diffSchema(schemaOf(before.catalog), schemaOf(after.catalog)),
    ...(renames === undefined ? {} : { renames }),
    rows: changedRows(before.rows, after.rows),
    statements: script.statements.length,
    durationMs: Math.round(times.now - times.started),
    lockMs: Math.round(times.now - times.lockedAt),
    findings: outcome.findings,
    rewritings: script.rewritings,
  };
}
