import type { RehearsalResult } from "../engine/database-engine.ts";
import type { EventOf } from "../events.ts";
import { DomainError, type Failure } from "../shared/errors.ts";
import type { RehearsedStep } from "./events.ts";
import type { StepToRun } from "./step-runner.ts";

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
