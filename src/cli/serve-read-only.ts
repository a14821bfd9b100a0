import { readConfig, type RawConfig } from "../api/config.ts";
import { requireLedger } from "../api/require-ledger.ts";
import { Refused } from "../domain/shared/errors.ts";
import { canWrite, isRestricted, sealProcess } from "../infra/system/sealed-process.ts";
import type { LogLevel } from "../infra/telemetry/logger.ts";
import { readyUnless } from "./ready-unless.ts";
import { untilSignalled } from "./until-signalled.ts";

/**
 * Runs the server that only reads, until SIGTERM or SIGINT. Whatever it consists of is loaded when the
 * process is sealed, not before.
 */
export async function serveReadOnly(
  options: RawConfig,
  unsealed: boolean,
  logLevel: LogLevel,
): Promise<void> {
  const config = readConfig(options);
  requireLedger(config);
  if (!isRestricted()) sealProcess(config.data);
  const sealed = !canWrite(config.data);
  if (!sealed && !unsealed)
    throw new Refused("not-sealed", `This process could write into ${config.data}`, {
      hint: "Mount the directory read-only, run as a user who may only read it, or say --unsealed: nothing is written then either, but only because the program does not",
    });
  const { openLog } = await import("../infra/telemetry/open-log.ts");
  const log = await openLog(logLevel);
  log({
    level: sealed ? "info" : "warn",
    message: sealed
      ? "The data directory cannot be written by this process"
      : "Nothing but the program itself keeps this process from writing into the data directory",
    restricted: isRestricted(),
  });
  const stopped = untilSignalled();
  const { startReadOnlyServer } = await import("../api/read-only-server.ts");
  const server = await readyUnless(stopped, startReadOnlyServer(config, log));
  if (server === undefined) process.exit(0);
  process.stdout.write(`listening on ${server.url}\n`);
  await stopped;
  await server.close();
}
