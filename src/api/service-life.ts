import { ServiceLife } from "../domain/service/service-life.ts";
import { describeError } from "../infra/telemetry/logger.ts";
import { TOOL_VERSION } from "../infra/system/version.ts";
import type { Closers } from "./closers.ts";
import type { Config } from "./config.ts";
import type { Core } from "./core.ts";
import * as t from "./tokens.ts";

/**
 * Records the start. Returns what records the stop when `closers` close, which returns what to call
 * once it serves: a start that fails before records no stop, so that a supervisor that tries again
 * does not fill the ledger.
 */
export async function recordServiceLife(
  { container, opened, context }: Core,
  config: Config,
): Promise<(closers: Closers) => () => void> {
  const life = new ServiceLife({
    ledger: container.resolve(t.LEDGER),
    projection: container.resolve(t.PROJECTION),
    clock: container.resolve(t.CLOCK),
    ids: container.resolve(t.IDS),
  });
  const settings = container.resolve(t.DIGEST).ofText(settingsText(config));
  await life.begin({ version: TOOL_VERSION, settings }, context);
  const end = async (): Promise<void> => {
    try {
      // What was only counted yet comes before.
      await container.resolve(t.ACCESS_LOG).flush();
      await container.resolve(t.QUIET_RECORDER).stop();
      await life.end(context);
    } catch (error) {
      // The next start tells a crash then; nothing else is kept from closing.
      const message = "The stop of the service could not be recorded";
      opened.log({ level: "error", message, ...describeError(error) });
    }
  };
  return (closers) => {
    let serves = false;
    closers.add(async () => {
      if (serves) await end();
    });
    return () => {
      serves = true;
    };
  };
}

/** The same settings give the same text, however they were given. They name files, and hold no secret. */
const settingsText = (config: Config): string =>
  JSON.stringify(Object.entries(config).toSorted(([a], [b]) => (a < b ? -1 : 1)));
