import type { StepRequest } from "../../domain/engine/database-engine.ts";
import { StepFault } from "./step-fault.ts";

/** What a step must find: the state that the one before it left. */
type Expected = Pick<StepRequest, "expectedBefore" | "appliedBefore">;

interface Left {
  readonly fingerprint: string;
  readonly applied: readonly string[];
}

/**
 * The order of a session's steps. A step can be sent while those before it still run; it is not begun
 * unless the one that it follows was applied.
 */
export class Succession {
  #last: (Left & { readonly attempt: string }) | undefined;

  /** Throws `step-not-begun`. */
  begin({ follows, expectedBefore, appliedBefore }: StepRequest): Expected {
    const last = this.#last;
    this.#last = undefined;
    if (follows === null) return { expectedBefore, appliedBefore };
    if (last?.attempt !== follows)
      throw new StepFault({
        code: "step-not-begun",
        message: "The step before it was not applied",
        hint: "Correct that step; this one is run again with the next run",
      });
    return {
      expectedBefore: expectedBefore ?? last.fingerprint,
      appliedBefore: appliedBefore ?? last.applied,
    };
  }

  applied(attempt: string, { fingerprint, applied }: Left): void {
    this.#last = { attempt, fingerprint, applied };
  }
}
