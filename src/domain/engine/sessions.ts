import { targetOf } from "../database/target.ts";
import { DomainError } from "../shared/errors.ts";
import type { DatabaseState } from "../state/state.ts";
import type { TableBackupResult } from "./database-engine.ts";
import type { Executor, ExecutorSession } from "./executor.ts";
import type { ProgressHub } from "./progress-hub.ts";

/** Opens executor sessions for operations, with their progress going to the hub. */
export class Sessions {
  readonly #executor: Executor;
  readonly #origin: string;
  readonly #progress: ProgressHub;
  /** Open sessions of each operation. */
  readonly #open = new Map<string, Set<ExecutorSession>>();
  readonly #stopped = new Set<string>();

  constructor(executor: Executor, origin: string, progress: ProgressHub) {
    this.#executor = executor;
    this.#origin = origin;
    this.#progress = progress;
  }

  /** A session of its own for one operation; the caller closes it. */
  async open(
    database: DatabaseState,
    operationId: string,
    onTablesSaved: (saved: TableBackupResult) => Promise<void> = noSteps,
  ): Promise<ExecutorSession> {
    this.#refuseStopped(operationId);
    const session = await this.#executor.open(targetOf(database, this.#origin), {
      onProgress: (progress) => this.#progress.publish(operationId, progress),
      onTablesSaved,
    });
    const all = this.#open.get(operationId) ?? new Set();
    this.#open.set(operationId, all.add(session));
    // It may have been stopped while the session was being opened.
    if (this.#stopped.has(operationId)) session.kill("cancelled");
    return session;
  }

  /** Kills what the operation runs and lets it begin nothing more, until `forget`. */
  stop(operationId: string): void {
    this.#stopped.add(operationId);
    for (const session of this.#open.get(operationId) ?? []) session.kill("cancelled");
  }

  /** The operation has ended. */
  forget(operationId: string): void {
    this.#stopped.delete(operationId);
  }

  /** Opens a session, uses it, closes it however the use ends. */
  async use<T>(
    database: DatabaseState,
    operationId: string,
    work: (session: ExecutorSession) => Promise<T>,
  ): Promise<T> {
    const session = await this.open(database, operationId);
    try {
      return await work(session);
    } finally {
      await session.close();
      this.#closed(operationId, session);
    }
  }

  #closed(operationId: string, session: ExecutorSession): void {
    const all = this.#open.get(operationId);
    all?.delete(session);
    if (all?.size === 0) this.#open.delete(operationId);
  }

  #refuseStopped(operationId: string): void {
    if (this.#stopped.has(operationId))
      throw new DomainError("cancelled", "The operation was given up");
  }
}

const noSteps = (): Promise<void> =>
  Promise.reject(new DomainError("internal", "No step runs here"));
