import type { DatabaseTarget } from "../../domain/engine/database-engine.ts";
import { createPostgresEngine, type ClosableEngine } from "./engines.ts";
import type { PasswordOf } from "./process-executor.ts";
import type { Executor, ExecutorSession, SessionHost } from "../../domain/engine/executor.ts";

/**
 * Runs sessions in this process. Only for looking at databases, and only in a program of one
 * command: there is no event loop to keep free, and nothing to kill.
 */
export class InProcessExecutor implements Executor {
  readonly #passwordOf: PasswordOf;

  constructor(passwordOf: PasswordOf = () => Promise.resolve(undefined)) {
    this.#passwordOf = passwordOf;
  }

  async open(target: DatabaseTarget, host: SessionHost): Promise<ExecutorSession> {
    const engine = await this.#create(target, host);
    const close = async (): Promise<void> => engine.close?.();
    return { engine, kill: () => void close(), close };
  }

  async #create(target: DatabaseTarget, host: SessionHost): Promise<ClosableEngine> {
    const options = { faults: () => undefined };
    if (target.engine === "postgres") {
      const password = await this.#passwordOf(target);
      return createPostgresEngine(target, host, { ...options, password });
    }
    const { SqliteEngine } = await import("../sqlite/sqlite-engine.ts");
    return new SqliteEngine(target, host, options);
  }

  children(): readonly [] {
    return [];
  }

  isBroken(): boolean {
    return false;
  }

  deaths(): ReadonlyMap<string, number> {
    return new Map();
  }

  async close(): Promise<void> {}
}
