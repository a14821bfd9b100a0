import { Unavailable } from "../shared/errors.ts";

/** What is done around each job. */
export type Around = <T>(databaseId: string, job: () => Promise<T>) => Promise<T>;

/**
 * One operation at a time on each database: jobs of one database run in the order they came, those
 * of different databases side by side. Safety across processes is the fence's and the lock's task.
 */
export class DatabaseJobs {
  readonly #tails = new Map<string, Promise<void>>();
  /** How many there are on each database, with the one that runs. */
  readonly #count = new Map<string, number>();
  readonly #around: Around;
  #stopped = false;

  constructor(around: Around = (_, job) => job()) {
    this.#around = around;
  }

  /** Runs `job` when the jobs before it on that database have ended, however they ended. */
  run<T>(databaseId: string, job: () => Promise<T>): Promise<T> {
    if (this.#stopped)
      return Promise.reject(new Unavailable("service-stopping", "The service is stopping"));
    const before = this.#tails.get(databaseId) ?? Promise.resolve();
    const result = before.then(() => {
      if (this.#stopped) throw new Unavailable("service-stopping", "The service is stopping");
      return this.#around(databaseId, job);
    });
    const tail = result.then(
      () => {},
      // The failure belongs to whoever asked for the job; the next job only waits for the end.
      () => {},
    );
    this.#tails.set(databaseId, tail);
    this.#count.set(databaseId, (this.#count.get(databaseId) ?? 0) + 1);
    void tail.then(() => {
      this.#count.set(databaseId, this.#count.get(databaseId)! - 1);
      if (this.#tails.get(databaseId) !== tail) return;
      this.#tails.delete(databaseId);
      this.#count.delete(databaseId);
    });
    return result;
  }

  /** Jobs on a database that wait for the one before them. */
  waiting(databaseId: string): number {
    return Math.max(0, (this.#count.get(databaseId) ?? 0) - 1);
  }

  /** Starts no further job and waits for those that run. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#tails.values());
  }
}
