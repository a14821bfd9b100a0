import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { FollowingLedger } from "../infra/sqlite/following-ledger.ts";
import { backupsIn, type CoreConfig } from "./config.ts";
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
  { executor, stopping, readOnly = false, standsBy = false, backupPlace }: Opened,
): Pick<Services, "monitor" | "readiness"> {
  const parts = {
    projection: c.resolve(t.PROJECTION),
    ledger: c.resolve(t.LEDGER),
    clock: c.resolve(t.CLOCK),
    unanchored: () => c.resolve(t.COSIGNED).behindSince,
  };
  const isElsewhere = (backupPlace?.recorded ?? null) !== null;
  const readiness = new Readiness({
    ...parts,
    executor,
    scheduler: {
      // Made where there is work to do, and after the services.
      get isTroubled() {
        return !readOnly && c.resolve(t.SCHEDULER).isTroubled;
      },
    },
    // A bucket is not asked for whoever asks us: what fails there shows with the next backup.
    reachStore: () => (readOnly || isElsewhere ? Promise.resolve() : reach(backupsIn({ data }))),
    stopping: stopping.signal,
    standsBy,
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(data);
      return bavail * bsize;
    },
  });
  return {
    monitor: new Monitor({
      ...parts,
      readiness,
      anchors: () => c.resolve(t.COSIGNED).reached,
      waiting: (databaseId) => c.resolve(t.JOBS).waiting(databaseId),
      reader: () => (parts.ledger instanceof FollowingLedger ? parts.ledger.lag() : undefined),
      children: () => executor.children(),
      deaths: () => executor.deaths(),
      load: async () => new (await import("../infra/telemetry/metrics.ts")).Metrics(),
    }),
    readiness,
  };
}

/** A store that has no backup yet is made with the first one. */
const reach = (directory: string): Promise<void> =>
  access(directory, constants.R_OK | constants.W_OK | constants.X_OK).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  });
