import { statfs } from "node:fs/promises";
import type { CoreConfig } from "./config.ts";
import type { Opened } from "./container.ts";
import { Monitor } from "./monitoring/monitor.ts";
import { Readiness } from "./monitoring/readiness.ts";
import type { Services } from "./services.ts";
import type { Resolver } from "./tokens.ts";
import * as t from "./tokens.ts";

/** Their names. */
export const MONITORING = { monitor: true, readiness: true } as const;

/** What the service says of itself. */
export function monitoringServices(
  c: Resolver,
  { data }: CoreConfig,
  { executor, stopping }: Opened,
): Pick<Services, "monitor" | "readiness"> {
  const parts = {
    projection: c.resolve(t.PROJECTION),
    ledger: c.resolve(t.LEDGER),
    clock: c.resolve(t.CLOCK),
    unanchored: () => c.resolve(t.COSIGNED).behindSince,
  };
  return {
    monitor: new Monitor({
      ...parts,
      children: () => executor.children(),
      deaths: () => executor.deaths(),
      load: async () => new (await import("../infra/telemetry/metrics.ts")).Metrics(),
    }),
    readiness: new Readiness({
      ...parts,
      stopping: stopping.signal,
      freeBytes: async () => {
        const { bavail, bsize } = await statfs(data);
        return bavail * bsize;
      },
    }),
  };
}
