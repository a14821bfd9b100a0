import type { Executor, ExecutorSession } from "../../domain/engine/executor.ts";
import { Refused } from "../../domain/shared/errors.ts";

/** In place of an executor where no managed database is ever opened. */
export class NoExecutor implements Executor {
  open(): Promise<ExecutorSession> {
    return Promise.reject(
      new Refused("database-not-opened", "This server opens no managed database", {
        hint: "Ask the service that writes the ledger, or name points of the ledger instead of live",
      }),
    );
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

  async close(): Promise<void> {
    // There is nothing to end.
  }
}
