import type { StepFacts } from "../../../domain/migration/events.ts";
import { diffSchema, type SchemaRenames } from "../../../domain/schema/schema.ts";
import type { PreparedScript } from "../sql/script.ts";
import type { Catalog } from "./catalog.ts";
import type { GuardedOutcome } from "./guarded-script.ts";

/** Points in time of a step, in milliseconds of the process's own clock. */
export interface StepTimes {
  readonly started: number;
  readonly lockedAt: number;
  readonly now: number;
}

/** What a step did, as the ledger records it. */
export function factsOf(
  work: {
    readonly script: PreparedScript;
    readonly before: Catalog;
    readonly outcome: GuardedOutcome;
  },
  times: StepTimes,
): StepFacts {
  const { script, before, outcome } = work;
  const { after, findings, rows } = outcome;
  const renames = renamesOf(before, after);
  return {
    fingerprintBefore: before.fingerprint,
    fingerprintAfter: after.fingerprint,
    schemaChanges: diffSchema(before.schema, after.schema),
    ...(renames === undefined ? {} : { renames }),
    rows,
    statements: script.statements.length,
    durationMs: Math.round(times.now - times.started),
    lockMs: Math.round(times.now - times.lockedAt),
    findings,
    rewritings: script.rewritings,
  };
}

/** The server knows tables and columns by numbers that a rename does not change. */
function renamesOf(before: Catalog, after: Catalog): SchemaRenames | undefined {
  const tables: SchemaRenames["tables"][number][] = [];
  const columns: SchemaRenames["columns"][number][] = [];
  for (const [oid, was] of before.tables) {
    const now = after.tables.get(oid);
    if (now === undefined) continue;
    if (now.name !== was.name) tables.push({ from: was.name, to: now.name });
    for (const [number, from] of was.columns) {
      const to = now.columns.get(number);
      if (to !== undefined && to !== from) columns.push({ table: now.name, from, to });
    }
  }
  return tables.length + columns.length === 0 ? undefined : { tables, columns };
}
