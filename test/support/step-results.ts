import assert from "node:assert/strict";
import type { StepResult } from "../../src/domain/engine/database-engine.ts";

/** The result as a success; fails the test with all of it otherwise. */
export function done(result: StepResult): Extract<StepResult, { status: "done" }> {
  assert.equal(result.status, "done", JSON.stringify(result));
  return result as Extract<StepResult, { status: "done" }>;
}

/** The result as a failure; fails the test with all of it otherwise. */
export function failure(result: StepResult): Extract<StepResult, { status: "failed" }> {
  assert.equal(result.status, "failed", JSON.stringify(result));
  return result as Extract<StepResult, { status: "failed" }>;
}
