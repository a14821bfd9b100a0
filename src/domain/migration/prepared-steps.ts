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

/** The steps of a run, some read ahead: while others run there is time to read them. */
export class PreparedSteps {
  readonly steps: readonly StepToRun[];
  readonly #sources: Sources;
  readonly #read = new Map<number, Promise<PreparedStep>>();

  constructor(steps: readonly StepToRun[], sources: Sources) {
    this.steps = steps;
    this.#sources = sources;
  }

  at(at: number): Promise<PreparedStep> {
    let step = this.#read.get(at);
    if (step === undefined) this.#read.set(at, (step = this.#prepare(at)));
    return step;
  }

  /** Begins to read `count` steps, and lets go of those before them. */
  readAhead(from: number, count: number): void {
    for (const at of this.#read.keys()) if (at < from) this.#read.delete(at);
    for (let at = from; at < Math.min(from + count, this.steps.length); at += 1)
      // Whoever takes it hears of the failure.
      this.at(at).catch(() => {});
  }

  async #prepare(at: number): Promise<PreparedStep> {
    const { database, ledger, dialect } = this.#sources;
    const step = this.steps[at]!;
    const script = await scriptOf(database, ledger, step);
    const { destroys } = dialect.analyze(script);
    return { step, script, destroys, place: { position: at + 1, of: this.steps.length } };
  }
}

/** Nothing has to be copied for it first, it is one transaction, and not code that could do more. */
export const isPlain = ({ script, destroys }: PreparedStep): boolean =>
  script.transaction === "required" && script.language === undefined && destroys.length === 0;
