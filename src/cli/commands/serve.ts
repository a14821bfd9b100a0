import { delimiter } from "node:path";
import { readConfig } from "../../api/config.ts";
import { startService } from "../../api/service.ts";
import type { ServeOptions } from "../program.ts";

/** Runs the service until SIGTERM or SIGINT; the second signal does not wait any more. */
export async function serve(options: ServeOptions): Promise<void> {
  const { data, host, port, root } = options;
  // The environment gives one text; directories in it are separated as in PATH.
  const roots = typeof root === "string" ? root.split(delimiter) : (root ?? [process.cwd()]);
  const stopped = signalled();
  const service = await startService(readConfig({ data, host, port, roots }));
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
