import type { StepResult } from "../engine/database-engine.ts";
import type { Difference, Exercise } from "../engine/exercise.ts";
import type { Failure } from "../shared/errors.ts";
import type { Budgets, Check, TestCase, Verdict } from "./migration-test.ts";

/** What is judged: a migration, and what is asked of it. */
export interface Judged {
  readonly version: string;
  readonly name: string;
  /** Null: it has none. Empty: it does nothing. */
  readonly down: "script" | "empty" | null;
  readonly budgets: Budgets;
  /** Whether a way back that loses rows, or is none, fails the test. */
  readonly strict: boolean;
}

/** What was tried, as cases; parts that were not reached are skipped, never passed. */
export function judge(migration: Judged, found: Exercise): TestCase[] {
  const { version, name } = migration;
  const verdict = (check: Check, made: Made): TestCase => ({ check, version, name, ...made });
  const up = verdict("up", stepMade(found.up));
  if (found.up.status === "failed") return [up];
  return [
    up,
    ...(found.expect === undefined ? [] : [verdict("expect", made(found.expect))]),
    ...budgetCases(migration, found.up).map((failed) => verdict("budget", failed)),
    verdict("down", downMade(migration, found)),
    ...(migration.down === "script" ? [verdict("again", againMade(found))] : []),
    ...(found.fixtures ? [verdict("fixtures", made(found.fixtures))] : []),
  ];
}

type Made = Pick<TestCase, "verdict" | "durationMs" | "lockMs" | "failure">;

const made = (failure: Failure | null): Made =>
  failure === null ? { verdict: "passed" } : { verdict: "failed", failure };

const told = (verdict: Verdict, code: string, message: string, hint?: string): Made => ({
  verdict,
  failure: { code, message, ...(hint === undefined ? {} : { hint }) },
});

function stepMade(step: StepResult): Made {
  if (step.status === "failed") return made(step.error);
  const { durationMs, lockMs } = step;
  return { verdict: "passed", durationMs, lockMs };
}

function budgetCases({ budgets }: Judged, step: StepResult & { status: "done" }): Made[] {
  const grown = step.rows.reduce((sum, { before, after }) => sum + (after ?? 0) - (before ?? 0), 0);
  const spent = [
    ["ms", "It took", step.durationMs, budgets.durationMs],
    ["ms", "It held the lock for", step.lockMs, budgets.lockMs],
    ["rows", "It made", grown, budgets.newRows],
  ] as const;
  return spent
    .filter(([, , value, limit]) => limit !== undefined && value > limit)
    .map(([unit, what, value, limit]) =>
      told("failed", "budget-exceeded", `${what} ${value} ${unit}, and ${limit} are allowed`),
    );
}

function downMade({ down, strict }: Judged, { down: result, back }: Exercise): Made {
  const worse = strict ? "failed" : "lossy";
  const restore = "Roll back by restoring a backup";
  if (down === null) return told(worse, "down-missing", "There is no down script", restore);
  if (down === "empty") return told(worse, "down-empty", "The down script does nothing", restore);
  if (result === undefined) return told("skipped", "not-reached", "It was not reached");
  const ran = stepMade(result);
  if (result.status === "failed" || back === undefined) return ran;
  if (back.schema.length > 0)
    return {
      ...ran,
      ...told("failed", "down-differs", `It leaves another schema: ${objects(back)}`),
    };
  if (back.rows.length === 0) return ran;
  const lost = `It does not bring back the rows of ${back.rows.join(", ")}`;
  return { ...ran, ...told(worse, "not-lossless", lost, restore) };
}

function againMade({ again, forth, down }: Exercise): Made {
  if (again === undefined) {
    const why = down?.status === "failed" ? "The down script failed" : "It was not reached";
    return told("skipped", "not-reached", why);
  }
  const ran = stepMade(again);
  if (again.status === "failed" || forth === undefined || forth.schema.length === 0) return ran;
  const what = `After down it leads to another schema: ${objects(forth)}`;
  return { ...ran, ...told("failed", "again-differs", what) };
}

const WORDS = { added: "too much", removed: "missing", changed: "changed" } as const;
const SHOWN = 5;

/** `index by_name missing, table t changed`. */
export function objects({ schema }: Pick<Difference, "schema">): string {
  const shown = schema
    .slice(0, SHOWN)
    .map(({ type, name, change }) => `${type} ${name} ${WORDS[change]}`);
  const more = schema.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(", ");
}
