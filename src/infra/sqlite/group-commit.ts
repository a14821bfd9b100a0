/** How one item of a group ended. */
export type Settled<R> =
  | { readonly ok: true; readonly value: R }
  | { readonly ok: false; readonly error: unknown };

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
  #scheduled: Promise<void> | undefined;

  /** `flush` must not throw; it gives one result for each item, in order. */
  constructor(flush: (items: readonly T[]) => readonly Settled<R>[]) {
    this.#flush = flush;
  }

  submit(item: T): Promise<R> {
    this.#schedule();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
    });
  }

  /** Resolves when everything submitted so far is settled. */
  async drain(): Promise<void> {
    await this.#scheduled;
  }

  #schedule(): void {
    this.#scheduled ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#scheduled = undefined;
        this.#run();
        resolve();
      });
    });
  }

  #run(): void {
    const group = this.#waiting;
    this.#waiting = [];
    const settled = this.#flush(group.map(({ item }) => item));
    for (const [i, { resolve, reject }] of group.entries()) {
      const result = settled[i]!;
      if (result.ok) resolve(result.value);
      else reject(result.error);
    }
  }
}
