import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ProcessExecutor } from "../../infra/executor/process-executor.ts";
import { DEFAULT_DATA, type SharedOptions } from "../shared-options.ts";

/** Registering a database and running its first migrations are sessions of the same child. */
const FIRST_SESSIONS = { spare: 1, refills: false } as const;

/**
 * Where there is no ledger yet there is something to do for sure: the executor starts while everything
 * else is loaded. While it waits it does not keep this process alive, and ends with it.
 */
export function earlyExecutor({
  data = DEFAULT_DATA,
  server,
}: SharedOptions): ProcessExecutor | undefined {
  if (server !== undefined || existsSync(join(resolve(data), "ledger.db"))) return undefined;
  const executor = new ProcessExecutor(FIRST_SESSIONS);
  // A failure shows when the first session opens.
  executor.warm().catch(() => undefined);
  return executor;
}
