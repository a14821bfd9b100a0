import type { Settled } from "../../ledger/settled.ts";

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (value: R) => void;
  readonly reject: (error: unknown) => void;
}

/** Items that are handed over together at most. */
const GROUP = 500;

/**
 * Hands over together what was submitted in one turn of the event loop, and while the group before
 * was on its way: concurrent appenders share a transaction.
 */
export class GroupQueue<T, R> {
  readonly #flush: (items: readonly T[]) => Promise<readonly Settled<R>[]>;
  #waiting: Waiting<T, R>[] = [];
  #running: Promise<void> | undefined;

  /** `flush` must not reject; it gives one result for each item, in order. */
  constructor(flush: (items: readonly T[]) => Promise<readonly Settled<R>[]>) {
    this.#flush = flush;
  }

  submit(item: T): Promise<R> {
    const result = new Promise<R>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
    });
    this.#running ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#run());
    return result;
  }

  /** Resolves when everything submitted so far is settled. */
  async drain(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, GROUP);
      const settled = await this.#flush(group.map(({ item }) => item));
      for (const [i, { resolve, reject }] of group.entries()) {
        const result = settled[i]!;
        if (result.ok) resolve(result.value);
        else reject(result.error);
      }
    }
    this.#running = undefined;
  }
}
