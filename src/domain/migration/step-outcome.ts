import type { StepResult } from "../engine/database-engine.ts";
import type { DomainEvent } from "../events.ts";
import type { StepRef } from "./events.ts";

const NOT_BEGUN = "The step before it was not applied; this one was not begun";

/** The one outcome of an attempt that the engine has answered for. */
export function outcomeEvent(ref: StepRef, result: StepResult): DomainEvent {
  if (result.status === "failed") {
    const { error, state, findings } = result;
    if (error.code === "step-not-begun") {
      const data = { ...ref, reason: NOT_BEGUN, recovered: false, begun: false } as const;
      return { type: "StepAborted", data };
    }
    return { type: "StepFailed", data: { ...ref, error, state, findings } };
  }
  const { status: _done, tableBackup: _saved, ...facts } = result;
  const data = { ...ref, ...facts };
  return ref.direction === "up" ? { type: "StepApplied", data } : { type: "StepReverted", data };
}
