import type { Failure } from "../shared/errors.ts";

/** What the tests of a migration set may cost at most, a step. */
export interface Budgets {
  readonly durationMs?: number;
  /** How long the database's write lock may be held. */
  readonly lockMs?: number;
  /** Rows more than before, in all tables together. */
  readonly newRows?: number;
}

/**
 * `up`: it runs with every check, its verify script included. `expect`: the expectations hold. `down`: the
 * way back brings schema and rows back. `again`: `up` leads to the same once more. `budget`: it kept to the
 * budgets. `fixtures`: the rows for later migrations could be loaded. `fresh`: the schema is that of a
 * fresh installation.
 */
export type Check = "up" | "expect" | "down" | "again" | "budget" | "fixtures" | "fresh";

/** `lossy`: it works and loses rows, or cannot lead back. A failure only where that is not allowed. */
export type Verdict = "passed" | "failed" | "lossy" | "skipped";

export interface TestCase {
  readonly check: Check;
  /** Null: of the set as a whole. */
  readonly version: string | null;
  readonly name: string;
  readonly verdict: Verdict;
  /** Of the step, where the check is one; ms. */
  readonly durationMs?: number;
  readonly lockMs?: number;
  /** What is to be told: why it failed, what is lost, why it was skipped. */
  readonly failure?: Failure;
}

/** All migrations in their order, once: on an empty database, one with rows, a copy of real data. */
export interface TestPass {
  readonly name: "empty" | "rows" | "snapshot";
  readonly cases: readonly TestCase[];
  /** Rows that were generated, and tables that took none at the last migration. */
  readonly filled: { readonly rows: number; readonly empty: readonly string[] };
}

export interface TestReport {
  readonly passes: readonly TestPass[];
  readonly passed: number;
  readonly failed: number;
  readonly lossy: number;
  readonly skipped: number;
}

export function reportOf(passes: readonly TestPass[]): TestReport {
  const cases = passes.flatMap((pass) => pass.cases);
  const count = (verdict: Verdict): number =>
    cases.filter((found) => found.verdict === verdict).length;
  return {
    passes,
    passed: count("passed"),
    failed: count("failed"),
    lossy: count("lossy"),
    skipped: count("skipped"),
  };
}
