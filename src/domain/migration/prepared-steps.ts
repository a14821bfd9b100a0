import type { StepScript } from "../engine/database-engine.ts";
import type { Dialect } from "../engine/dialect.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { DatabaseState } from "../state/state.ts";
import type { StepToRun } from "./step-runner.ts";
import { scriptOf } from "./step-scripts.ts";

/** A step with its script, and its place among the run's. */
export interface PreparedStep {
  readonly step: StepToRun;
  readonly script: StepScript;
  /** Tables that must be copied for it first. */
  readonly destroys: readonly string[];
  readonly place: { readonly position: number; readonly of: number };
}

interface Sources {
  readonly database: DatabaseState;
  readonly ledger: Ledger;
  readonly dialect: Dialect;
}

/** The steps of a run, read one ahead: while one runs there is time to read the next. */
export class PreparedSteps {
  readonly steps: readonly StepToRun[];
  readonly #sources: Sources;
  #ahead: { readonly at: number; readonly step: Promise<PreparedStep> } | undefined;

  constructor(steps: readonly StepToRun[], sources: Sources) {
    this.steps = steps;
    this.#sources = sources;
  }

  at(at: number): Promise<PreparedStep> {
    return this.#ahead?.at === at ? this.#ahead.step : this.#prepare(at);
  }

  /** Begins to read the step, if there is one. */
  readAhead(at: number): void {
    if (at >= this.steps.length) return;
    const step = this.#prepare(at);
    // Whoever takes it hears of the failure.
    step.catch(() => {});
    this.#ahead = { at, step };
  }

  async #prepare(at: number): Promise<PreparedStep> {
    const { database, ledger, dialect } = this.#sources;
    const step = this.steps[at]!;
    const script = await scriptOf(database, ledger, step);
    const { destroys } = dialect.analyze(script);
    return { step, script, destroys, place: { position: at + 1, of: this.steps.length } };
  }
}

/** Nothing has to be copied for it first, and it is one transaction. */
export const isPlain = ({ script, destroys }: PreparedStep): boolean =>
  script.transaction === "required" && destroys.length === 0;
