import type { RehearsalResult } from "../engine/database-engine.ts";
import type { EventOf } from "../events.ts";
import { DomainError, type Failure } from "../shared/errors.ts";
import type { RehearsedStep } from "./events.ts";
import type { DatabaseState, RunState } from "../state/state.ts";
import type { StepToRun } from "./step-runner.ts";

/** Executes steps on the copy, and others again after them. */
type Rehearse = (
  steps: readonly StepToRun[],
  again?: readonly StepToRun[],
) => Promise<RehearsalResult>;

/**
 * The ups; if the run asks for it the downs after them, each to the schema before its up, and the
 * ups again, so that it is known whether every row comes back. Stops at the first failure.
 */
export async function rehearseBothWays(
  { steps, withDown }: RunState,
  { fingerprint }: DatabaseState,
  rehearse: Rehearse,
): Promise<{ readonly todo: readonly StepToRun[]; readonly result: RehearsalResult }> {
  const ups = steps.map(({ version }) => stepTo(version, "up", null));
  const upwards = await rehearse(ups);
  const after = upwards.steps.map((step) =>
    step.status === "done" ? step.fingerprintAfter : null,
  );
  if (!withDown || after.includes(null)) return { todo: ups, result: upwards };
  const before = [fingerprint, ...after.slice(0, -1)];
  const downs = ups
    .map(({ version }, i) => stepTo(version, "down", before[i] ?? null))
    .toReversed();
  const downwards = await rehearse(downs, ups);
  return {
    todo: [...ups, ...downs],
    result: { ...downwards, steps: [...upwards.steps, ...downwards.steps] },
  };
}

const stepTo = (
  version: string,
  direction: StepToRun["direction"],
  expectedAfter: string | null,
): StepToRun => ({ version, direction, expectedAfter });

/** The event that records a rehearsal, passed or failed. */
export function rehearsalEvent(
  runId: string,
  backupId: string,
  todo: readonly StepToRun[],
  result: RehearsalResult,
  durationMs: number,
): EventOf<"RehearsalCompleted"> {
  const steps: RehearsedStep[] = [];
  for (const [i, step] of result.steps.entries()) {
    const { version, direction } = todo[i]!;
    if (step.status === "failed") {
      const { error } = step;
      const where = `Version ${version}: ${error.message}`;
      const failed = { outcome: "failed", error: { ...error, message: where } } as const;
      const data = { runId, backupId, steps, durationMs, ...failed };
      return { type: "RehearsalCompleted", data };
    }
    const { fingerprintAfter, durationMs: took, rows, findings, renames } = step;
    const rehearsed = { version, direction, fingerprintAfter, durationMs: took, rows, findings };
    steps.push(renames === undefined ? rehearsed : { ...rehearsed, renames });
  }
  const { lossless } = result;
  const data = { runId, backupId, outcome: "passed", steps, durationMs } as const;
  return {
    type: "RehearsalCompleted",
    data: lossless === undefined ? data : { ...data, lossless },
  };
}

/** The database was not touched: the plan failed on its restored copy. */
export const rehearsalFailed = ({ code, message, hint, statement }: Failure): DomainError =>
  new DomainError(code, `Rehearsal: ${message}`, {
    hint,
    details: statement === undefined ? {} : { statement },
  });
