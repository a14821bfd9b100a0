import type { DatabaseEngine, Recovered, SchemaReached } from "../engine/database-engine.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Finding } from "../migration/events.ts";
import { scriptOf } from "../migration/step-scripts.ts";
import type { DatabaseState, OpenAttempt } from "../state/state.ts";

/** The schema that a step led to which others followed. */
export interface SchemaBetween extends SchemaReached {
  /** False: it is that of a step before; what this one changed cannot be told from the next. */
  readonly isCertain: boolean;
}

/** By attempt. */
export type SchemasBetween = ReadonlyMap<string, SchemaBetween>;

/** Whether the database says that the attempt was committed. */
export function wasCommitted({ phases, probes }: Recovered, attempt: string): boolean {
  const phase = phases[attempt];
  return phase === "done" || phase === "reverted" || probes[attempt] === "applied";
}

/**
 * When several steps are found committed, the database shows only the schema after the last one. Those
 * in between are worked out from the scripts; the markers' fingerprints tell whether that is right.
 */
export async function schemasBetween(
  database: DatabaseState,
  attempts: readonly OpenAttempt[],
  recovered: Recovered,
  engine: DatabaseEngine,
  ledger: Ledger,
): Promise<SchemasBetween> {
  const committed = attempts.filter(({ attempt }) => wasCommitted(recovered, attempt));
  const between = committed.slice(0, -1);
  if (between.length === 0) return new Map();
  const marked = between.map(({ attempt }) => recovered.fingerprints[attempt] ?? "");
  const isChanged = marked.some((fingerprint) => fingerprint !== database.fingerprint);
  const followed = isChanged ? await follow(database, between, engine, ledger) : [];
  let last: SchemaReached = { fingerprint: database.fingerprint ?? "", schema: database.schema };
  return new Map(
    between.map(({ attempt }, i) => {
      const fingerprint = marked[i]!;
      const found = followed[i]?.fingerprint === fingerprint ? followed[i] : undefined;
      const isCertain = found !== undefined || fingerprint === last.fingerprint;
      last = { fingerprint, schema: found?.schema ?? last.schema };
      return [attempt, { ...last, isCertain }];
    }),
  );
}

async function follow(
  database: DatabaseState,
  attempts: readonly OpenAttempt[],
  engine: DatabaseEngine,
  ledger: Ledger,
): Promise<readonly SchemaReached[]> {
  const scripts = await Promise.all(attempts.map((one) => scriptOf(database, ledger, one)));
  return engine.follow(database.schema, scripts);
}

/** Recorded with a step whose changes count as those of the step that followed it. */
export const CHANGES_LATER: Finding = {
  severity: "warning",
  code: "changes-recorded-later",
  message:
    "The process ended before the outcome of this step and of the next was recorded: what both changed is recorded with the next",
};
