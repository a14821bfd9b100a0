import type { Clock } from "../../src/domain/shared/clock.ts";
import { SystemClock } from "../../src/infra/system/system-clock.ts";

/** The machine's clock, that can be set: who sleeps wakes up when the time has come by it. */
export class MovedClock implements Clock {
  readonly #real = new SystemClock();
  readonly #sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();
  #ahead = 0;

  now(): string {
    return new Date(Date.now() + this.#ahead).toISOString();
  }

  elapsed(): number {
    return this.#real.elapsed();
  }

  async sleep(ms: number): Promise<void> {
    await new Promise<void>((wake) => {
      const sleeper = { until: Date.parse(this.now()) + ms, wake };
      this.#sleepers.add(sleeper);
      void this.#real.sleep(ms).then(() => this.#sleepers.delete(sleeper) && wake());
    });
  }

  /** From here on it is this time. */
  set(time: string): void {
    this.#ahead = Date.parse(time) - Date.now();
    for (const sleeper of this.#sleepers)
      if (sleeper.until <= Date.parse(time)) {
        this.#sleepers.delete(sleeper);
        sleeper.wake();
      }
  }
}
