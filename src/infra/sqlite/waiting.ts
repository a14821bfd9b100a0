import { setTimeout as delay } from "node:timers/promises";
import { isBusy } from "./sqlite-error.ts";

/** A point in time, on the process's own clock. */
export const deadlineIn = (ms: number): number => performance.now() + ms;

/** Time enough for another process's short transactions when only reading. */
export const READ_WAIT_MS = 5_000;

/**
 * Repeats `action` while another connection is in its way, until `deadline`; then the engine's own
 * error is thrown. Sleeps between the tries instead of blocking, so that the process can still be
 * spoken to.
 */
export async function whileBusy<T>(deadline: number, action: () => T | Promise<T>): Promise<T> {
  for (let pause = 2; ; pause = Math.min(pause * 2, 50)) {
    try {
      return await action();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
    }
    // Jitter: two waiters that go in step would starve each other.
    await delay(pause / 2 + (Math.random() * pause) / 2);
  }
}
