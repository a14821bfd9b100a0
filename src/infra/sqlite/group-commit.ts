import type { Settled } from "../ledger/settled.ts";

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (value: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects what is submitted in one turn of the event loop and hands it over together, so that
 * concurrent appenders share one transaction and one fsync.
 */
export class GroupCommit<T, R> {
  readonly #flush: (items: readonly T[]) => readonly Settled<R>[];
  #waiting: Waiting<T, R>[] = [];
  #drained: (() => void)[] = [];

  /** `flush` must not throw; it gives one result for each item, in order. */
  constructor(flush: (items: readonly T[]) => readonly Settled<R>[]) {
    this.#flush = flush;
  }

  submit(item: T): Promise<R> {
    if (this.#waiting.length === 0) setImmediate(() => this.#run());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
    });
  }

  /** Resolves when everything submitted so far is settled. */
  async drain(): Promise<void> {
    if (this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #run(): void {
    const group = this.#waiting;
    const drained = this.#drained;
    this.#waiting = [];
    this.#drained = [];
    const settled = this.#flush(group.map(({ item }) => item));
    for (let i = 0; i < group.length; i += 1) {
      const result = settled[i]!;
      if (result.ok) group[i]!.resolve(result.value);
      else group[i]!.reject(result.error);
    }
    for (const resolve of drained) resolve();
  }
}
