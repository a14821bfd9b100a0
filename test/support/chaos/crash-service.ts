import { readConfig } from "../../../src/api/config.ts";
import type { AroundLedger } from "../../../src/api/container.ts";
import { startService } from "../../../src/api/service.ts";
import type { RetryPace } from "../../../src/domain/alerting/retry.ts";
import type { EventType } from "../../../src/domain/events.ts";
import { MovedClock } from "../moved-clock.ts";

/** Where a service of the crash tests ends itself. */
export interface CrashPoint {
  /** Before the append that holds the event, or as soon as it is durable. */
  readonly when: "before" | "after";
  readonly type: EventType;
  /** 1-based: which append with an event of the type. Default 1. */
  readonly nth?: number;
}

/** What a service of the crash tests is started with. */
export interface CrashOrder {
  readonly data: string;
  readonly root: string;
  readonly crash?: CrashPoint;
  /** As `ServiceOptions.stopGraceMs`. */
  readonly stopGraceMs?: number;
  /** What time it is when it starts. Default: as it is. */
  readonly now?: string;
  /** As `ServiceOptions.alertPace`. */
  readonly alertPace?: RetryPace;
  /** As `ProcessExecutorOptions.fault`. */
  readonly fault?: string;
}

/** A signal to oneself is delivered before the call returns. */
function crashingAt({ when, type, nth = 1 }: CrashPoint): AroundLedger {
  let seen = 0;
  return (ledger) => {
    const append = ledger.append.bind(ledger);
    return Object.assign(ledger, {
      append: async (asked: Parameters<typeof append>[0]) => {
        const strikes = asked.events.some((event) => event.type === type) && ++seen === nth;
        if (strikes && when === "before") process.kill(process.pid, "SIGKILL");
        const appended = await append(asked);
        if (strikes) process.kill(process.pid, "SIGKILL");
        return appended;
      },
    });
  };
}

function clockAt(now: string): MovedClock {
  const clock = new MovedClock();
  clock.set(now);
  return clock;
}

async function main({
  data,
  root,
  crash,
  now,
  fault,
  stopGraceMs,
  alertPace,
}: CrashOrder): Promise<void> {
  const stopped = new Promise((resolve) => process.once("SIGTERM", resolve));
  const service = await startService(
    readConfig({ data, host: "127.0.0.1", port: 0, roots: [root], auditReads: "exports" }),
    {
      ...(alertPace === undefined ? {} : { alertPace }),
      // Its events would come at any time between those that a test looks for.
      ledgerBackupDelayMs: null,
      // One that is stopped must still be there when its service is gone.
      executor: { spare: 1, mayOutlive: true, ...(fault === undefined ? {} : { fault }) },
      ...(now === undefined ? {} : { clock: clockAt(now) }),
      ...(stopGraceMs === undefined ? {} : { stopGraceMs }),
      ...(crash === undefined ? {} : { aroundLedger: crashingAt(crash) }),
    },
  );
  process.stdout.write(`listening on ${service.url}\n`);
  await stopped;
  await service.close();
}

if (process.argv[1] === import.meta.filename)
  await main(JSON.parse(process.argv[2]!) as CrashOrder);
