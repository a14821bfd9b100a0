import assert from "node:assert/strict";
import type {
  DatabaseEngine,
  StepRequest,
  StepResult,
} from "../../src/domain/engine/database-engine.ts";

/** The result of a step that went alone, as another process answered. */
export const onlyOne = (answer: unknown): StepResult => (answer as readonly StepResult[])[0]!;

/** Runs a step that goes alone. */
export async function applyOne(engine: DatabaseEngine, step: StepRequest): Promise<StepResult> {
  const [result] = await engine.applySteps([step]);
  return result!;
}

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
