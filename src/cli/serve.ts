import { readConfig, type RawConfig } from "../api/config.ts";
import { startService } from "../api/service.ts";

/** Runs the service until SIGTERM or SIGINT; the second signal does not wait any more. */
export async function serve(options: RawConfig): Promise<void> {
  const stopped = signalled();
  const service = await startService(readConfig(options), { executor: { warmUp: true } });
  process.stdout.write(`listening on ${service.url}\n`);
  await stopped;
  process.once("SIGTERM", () => process.exit(1));
  process.once("SIGINT", () => process.exit(1));
  await service.close();
}

const signalled = (): Promise<void> =>
  new Promise((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
