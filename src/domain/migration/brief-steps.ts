import { isPlain, type PreparedStep, type PreparedSteps } from "./prepared-steps.ts";
import type { StepToRun } from "./step-runner.ts";

/** Steps that are sent together take no longer: when one began is told by the time of its intent. */
const BRIEF_MS = 50;

/**
 * How many are sent together at least and at most: each one behind a failure is an attempt given up.
 * Untried ones, too, if the database is small: then they do not take long.
 */
const SEVERAL = { least: 8, most: 32 };
/** One that takes hours must not keep the outcomes of others. */
const UNTRIED = { least: 1, most: 1 };

/** Databases up to this size are small, bytes. */
export const SMALL_BYTES = 16 << 20;

/** How long a step will take: as rehearsed, or as the one before it took. */
export const expectedMs = ({ rehearsedMs }: StepToRun, lastMs: number): number =>
  Math.max(1, rehearsedMs ?? lastMs);

/** Steps that go to the engine together. */
export interface Together {
  readonly steps: readonly PreparedStep[];
  /** Others may be sent behind them while they run. */
  readonly isBrief: boolean;
}

function boundsFor({ rehearsedMs, isOnSmall }: StepToRun) {
  return rehearsedMs !== undefined || isOnSmall === true ? SEVERAL : UNTRIED;
}

/**
 * The steps from `at` that are sent together: one, or as many as are over before anybody would look,
 * twice as many as `before`. What needs a table copied first, or no transaction, goes alone.
 */
export async function stepsTogether(
  prepared: PreparedSteps,
  at: number,
  before: number,
  lastMs: number,
): Promise<Together> {
  const first = await prepared.at(at);
  const steps = [first];
  let ms = expectedMs(first.step, lastMs);
  if (ms > BRIEF_MS || !isPlain(first)) return { steps, isBrief: false };
  const { least, most } = boundsFor(first.step);
  const limit = Math.min(most, Math.max(least, before * 2));
  while (steps.length < limit) {
    const step = prepared.steps[at + steps.length];
    if (step === undefined) break;
    ms += expectedMs(step, lastMs);
    if (ms > BRIEF_MS) break;
    const next = await prepared.at(at + steps.length);
    if (!isPlain(next)) break;
    steps.push(next);
  }
  return { steps, isBrief: true };
}
