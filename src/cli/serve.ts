import { readConfig, type RawConfig } from "../api/config.ts";
import { startService } from "../api/service.ts";
import { Conflict } from "../domain/shared/errors.ts";
import type { LogLevel } from "../infra/telemetry/logger.ts";
import { openLog } from "../infra/telemetry/open-log.ts";
import { TOOL_VERSION } from "../infra/system/version.ts";
import { readyUnless } from "./ready-unless.ts";
import { untilSignalled } from "./until-signalled.ts";

/** Runs the service until SIGTERM or SIGINT; the second signal does not wait any more. */
export async function serve(options: RawConfig, logLevel: LogLevel): Promise<void> {
  const stopped = untilSignalled();
  const config = readConfig(options);
  const log = await openLog(logLevel);
  const starting = startService(config, { log, executor: { warmUp: true } });
  const service = await readyUnless(stopped, starting);
  if (service === undefined) {
    log({ level: "info", message: "The service was told to stop before it was ready" });
    process.exit(0);
  }
  process.stdout.write(`listening on ${service.url}\n`);
  const { data } = config;
  log({
    level: "info",
    message: "The service listens",
    url: service.url,
    data,
    version: TOOL_VERSION,
  });
  const why = await Promise.race([stopped, service.replaced.then(() => "replaced" as const)]);
  log({ level: "info", message: "The service stops" });
  if (why !== "replaced") return service.close();
  // What it still wanted to record is refused, and told in the log.
  await service.close().catch(() => undefined);
  throw new Conflict("lease-lost", "Another service works with the ledger in place of this one", {
    hint: "Start it again: it stands by then",
  });
}
