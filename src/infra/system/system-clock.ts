import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../domain/shared/clock.ts";

/** The machine's clock. */
export class SystemClock implements Clock {
  /** The present second, and its text up to the milliseconds: they change, the rest seldom does. */
  #second = Number.NaN;
  #text = "";

  now(): string {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(now).toISOString().slice(0, -"000Z".length);
    }
    return `${this.#text}${String(now - second * 1000).padStart(3, "0")}Z`;
  }

  elapsed(): number {
    return performance.now();
  }

  async sleep(ms: number): Promise<void> {
    await delay(ms, undefined, { ref: false });
  }
}
