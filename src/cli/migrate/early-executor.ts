import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ProcessExecutor } from "../../infra/executor/process-executor.ts";
import { DEFAULT_DATA, type SharedOptions } from "../shared-options.ts";

/** Registering a database is a session, and running its first migrations is another. */
const FIRST_SESSIONS = { spare: 2, refills: false } as const;

/**
 * Where there is no ledger yet there is something to do for sure: the executors start while everything
 * else is loaded. Those that wait do not keep this process alive and end with it.
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
