import { deepEqual } from "node:assert/strict";
import type { StepResult } from "../../../../src/domain/engine/database-engine.ts";
import type { Exercise } from "../../../../src/domain/engine/exercise.ts";
import { judge, type Judged } from "../../../../src/domain/testing/judge.ts";

const done = (more: Partial<Extract<StepResult, { status: "done" }>> = {}): StepResult => ({
  status: "done",
  fingerprintBefore: "a",
  fingerprintAfter: "b",
  schemaChanges: [],
  rows: [],
  statements: 1,
  durationMs: 4,
  lockMs: 3,
  findings: [],
  rewritings: [],
  ...more,
});
const failed: StepResult = {
  status: "failed",
  error: { code: "statement-failed", message: "no" },
  state: "unchanged",
  findings: [],
};
const same = { schema: [], rows: [] };
const asked: Judged = { version: "1", name: "n", down: "script", budgets: {}, strict: false };
const tried: Exercise = {
  filled: { rows: 0, empty: [] },
  up: done(),
  down: done(),
  back: same,
  again: done(),
  forth: same,
  fixtures: null,
  schema: [],
};

const verdicts = (found: Exercise, more: Partial<Judged> = {}): string[] =>
  judge({ ...asked, ...more }, found).map(
    ({ check, verdict, failure }) =>
      `${check} ${verdict}${failure === undefined ? "" : ` ${failure.code}`}`,
  );

describe("the judgement of a tried migration", () => {
  it("passes what goes there, back and there again", () => {
    deepEqual(verdicts(tried), ["up passed", "down passed", "again passed"]);
  });

  it("ends with an up that fails", () => {
    deepEqual(verdicts({ ...tried, up: failed }), ["up failed statement-failed"]);
  });

  it("tells of expectations and fixtures that fail", () => {
    const expect = { code: "verify-failed", message: "is not true" };
    deepEqual(verdicts({ ...tried, expect, fixtures: { code: "x", message: "y" } }), [
      "up passed",
      "expect failed verify-failed",
      "down passed",
      "again passed",
      "fixtures failed x",
    ]);
    deepEqual(verdicts({ ...tried, expect: null })[1], "expect passed");
  });

  it("calls a way back that loses rows lossy, and strictly a failure", () => {
    const lossy = { ...tried, back: { schema: [], rows: ["t"] } };
    deepEqual(verdicts(lossy)[1], "down lossy not-lossless");
    deepEqual(verdicts(lossy, { strict: true })[1], "down failed not-lossless");
  });

  it("calls no way back lossy, and asks nothing more of it", () => {
    const { down: _d, back: _b, again: _a, forth: _f, ...none } = tried;
    deepEqual(verdicts(none, { down: null }), ["up passed", "down lossy down-missing"]);
    deepEqual(verdicts(none, { down: "empty" }), ["up passed", "down lossy down-empty"]);
    deepEqual(verdicts(none, { down: null, strict: true })[1], "down failed down-missing");
  });

  it("fails a way back to another schema, and names at most five objects", () => {
    const schema = Array.from({ length: 7 }, (_, n) => ({
      change: "removed" as const,
      type: "index" as const,
      name: `i${n}`,
    }));
    const [, down] = judge(asked, { ...tried, back: { schema, rows: [] } });
    deepEqual(
      [down!.verdict, down!.failure!.message],
      [
        "failed",
        "It leaves another schema: index i0 missing, index i1 missing, index i2 missing, index i3 missing, index i4 missing, 2 more",
      ],
    );
  });

  it("skips the second way there where the way back failed, and compares its schema", () => {
    const { again: _a, forth: _f, back: _b, ...rest } = tried;
    deepEqual(verdicts({ ...rest, down: failed }), [
      "up passed",
      "down failed statement-failed",
      "again skipped not-reached",
    ]);
    const forth = { schema: [{ change: "changed", type: "table", name: "t" } as const], rows: [] };
    deepEqual(verdicts({ ...tried, forth })[2], "again failed again-differs");
  });

  it("holds each step to its budgets", () => {
    const up = done({ rows: [{ table: "t", before: 1, after: 5 }] });
    const budgets = { durationMs: 3, lockMs: 3, newRows: 3 };
    deepEqual(verdicts({ ...tried, up }, { budgets }), [
      "up passed",
      "budget failed budget-exceeded",
      "budget failed budget-exceeded",
      "down passed",
      "again passed",
    ]);
  });
});
