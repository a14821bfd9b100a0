import Mocha from "mocha";

/** Mocha's spec reporter, closing with one plain line for CI. */
export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = runner.stats!;
      console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
    });
  }
}
