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

  constructor(executor: Executor, origin: string, progress: ProgressHub) {
    this.#executor = executor;
    this.#origin = origin;
    this.#progress = progress;
  }

  /** A session of its own for one operation; the caller closes it. */
  open(
    database: DatabaseState,
    operationId: string,
    onTablesSaved: (saved: TableBackupResult) => Promise<void> = noSteps,
  ): Promise<ExecutorSession> {
    return this.#executor.open(targetOf(database, this.#origin), {
      onProgress: (progress) => this.#progress.publish(operationId, progress),
      onTablesSaved,
    });
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
    }
  }
}

const noSteps = (): Promise<void> =>
  Promise.reject(new DomainError("internal", "No step runs here"));
