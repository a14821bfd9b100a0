import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../domain/shared/clock.ts";

/** The machine's clock. */
export class SystemClock implements Clock {
  now(): string {
    return new Date().toISOString();
  }

  elapsed(): number {
    return performance.now();
  }

  async sleep(ms: number): Promise<void> {
    await delay(ms, undefined, { ref: false });
  }
}
