const HOLD_MS = 60_000;

/** Closes what was opened, last first. */
export class Closers {
  readonly #steps: (() => void | Promise<void>)[] = [];
  #closing: Promise<void> | undefined;

  add(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#run();
    return this.#closing;
  }

  /** A step that fails keeps none of the others from running; the first failure is thrown. */
  async #run(): Promise<void> {
    const failures: unknown[] = [];
    // Steps wait by timers that keep no process alive: without one that does, it could end half closed.
    const held = setInterval(() => {}, HOLD_MS);
    for (const step of this.#steps.toReversed()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    clearInterval(held);
    if (failures.length > 0) throw failures[0];
  }
}
