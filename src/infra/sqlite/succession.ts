import type { StepRequest } from "../../domain/engine/database-engine.ts";
import { StepFault } from "./step-fault.ts";

/**
 * The order of a session's steps. A step can be sent while the one before it still runs; it is not
 * begun unless that one was applied, and not committed before that one's outcome is on record: no two
 * steps are ever in the database that the ledger does not know of.
 */
export class Succession {
  #last: { readonly attempt: string; readonly fingerprint: string } | undefined;
  /** The newest attempt whose outcome is on record. */
  #recorded: string | undefined;
  #wake: () => void = () => {};

  /** The fingerprint that the step must find. Throws `step-not-begun`. */
  begin({ follows, expectedBefore }: StepRequest): string | null {
    const last = this.#last;
    this.#last = undefined;
    if (follows === null) return expectedBefore;
    if (last?.attempt !== follows)
      throw new StepFault({
        code: "step-not-begun",
        message: "The step before it was not applied",
        hint: "Correct that step; this one is run again with the next run",
      });
    return expectedBefore ?? last.fingerprint;
  }

  applied(attempt: string, fingerprint: string): void {
    this.#last = { attempt, fingerprint };
  }

  /** The outcome of the attempt is durable in the ledger. */
  recorded(attempt: string): void {
    this.#recorded = attempt;
    this.#wake();
  }

  /** Throws `outcome-not-recorded` when the ledger takes longer than `ms`: others wait for the lock. */
  async untilRecorded(attempt: string, ms: number): Promise<void> {
    if (this.#recorded === attempt) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    if (this.#recorded === attempt) return;
    throw new StepFault({
      code: "outcome-not-recorded",
      message: "The outcome of the step before it was not recorded in time",
      hint: "See whether the ledger's disk is full or slow; then request the run again",
    });
  }
}
