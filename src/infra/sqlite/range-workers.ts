import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { Unavailable } from "../../domain/shared/errors.ts";
import type { Range, RangeChecked, RangeChecker } from "./verify-range.ts";

/**
 * Has ranges checked, in this thread between other work (`workers` 0) or in threads of their own.
 * The results come in the order of the ranges.
 */
export async function* checkRanges(
  ranges: readonly Range[],
  here: RangeChecker,
  threads: { readonly workers: number; readonly file: string; readonly origin: string },
): AsyncGenerator<RangeChecked, void, undefined> {
  const { workers, file, origin } = threads;
  // One range is checked before a thread has started.
  if (workers === 0 || ranges.length < 2) {
    const between = (): Promise<void> => turn();
    for (const range of ranges) yield await here.check(range, between);
    return;
  }
  const pool = Array.from(
    { length: Math.min(workers, ranges.length) },
    () => new CheckingThread(file, origin),
  );
  try {
    const results = ranges.map((): Promise<RangeChecked> | undefined => undefined);
    let next = 0;
    const send = (thread: CheckingThread): void => {
      const at = next++;
      if (at >= ranges.length) return;
      results[at] = thread.check(ranges[at]!);
      results[at].then(
        () => send(thread),
        () => {
          // Whoever takes the result is told.
        },
      );
    };
    for (const thread of pool) send(thread);
    for (let at = 0; at < ranges.length; at += 1) {
      // A range is sent when a thread is free: before its turn, because they end in order.
      while (results[at] === undefined) await turn();
      yield await results[at]!;
    }
  } finally {
    await Promise.all(pool.map((thread) => thread.end()));
  }
}

class CheckingThread {
  readonly #worker: Worker;
  #settle: { resolve: (checked: RangeChecked) => void; reject: (error: Error) => void } | undefined;

  constructor(file: string, origin: string) {
    const workerData = { file, origin };
    this.#worker = new Worker(new URL("./verify-worker.js", import.meta.url), { workerData });
    this.#worker.on("message", (checked: RangeChecked) => this.#settle?.resolve(checked));
    this.#worker.on("error", (error: Error) => this.#settle?.reject(error));
    this.#worker.on("exit", () => {
      const message = "A thread that verified the ledger ended early";
      this.#settle?.reject(new Unavailable("verification-interrupted", message));
    });
  }

  check(range: Range): Promise<RangeChecked> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#worker.postMessage(range);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
