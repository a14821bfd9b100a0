import type { DatabaseTarget } from "../../domain/engine/database-engine.ts";
import type { Executor, ExecutorSession, SessionHost } from "../../domain/engine/executor.ts";

/**
 * Runs sessions in this process. Only for looking at databases, and only in a program of one
 * command: there is no event loop to keep free, and nothing to kill.
 */
export class InProcessExecutor implements Executor {
  async open(target: DatabaseTarget, host: SessionHost): Promise<ExecutorSession> {
    const { SqliteEngine } = await import("../sqlite/sqlite-engine.ts");
    const engine = new SqliteEngine(target, host, { faults: () => undefined });
    const close = (): void => engine.close();
    return { engine, kill: close, close: () => Promise.resolve(close()) };
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
