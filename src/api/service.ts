import { join } from "node:path";
import { SERVICE_STREAM } from "../domain/events.ts";
import { Closers } from "./closers.ts";
import { recordServiceLife } from "./service-life.ts";
import { tellRefusedStart } from "./alert-refused-start.ts";
import { createApp } from "./app.ts";
import type { Config } from "./config.ts";
import { openCore, resumeWork, type CoreOptions, type Core } from "./core.ts";
import { startWatch } from "./compose-alerting.ts";
import { publishLoop } from "./compose-anchors.ts";
import { issueFirstKey } from "./first-key.ts";
import { startServer, type Patience } from "./server.ts";
import { openLog } from "../infra/telemetry/open-log.ts";
import { describeError } from "../infra/telemetry/logger.ts";
import { Standby } from "./standby.ts";
import * as t from "./tokens.ts";

export interface RunningService {
  readonly url: string;
  /** Holds the first admin token, one line. */
  readonly adminKeyFile: string;
  /** Resolves when another service works in its place: it must end. Never, where there is none. */
  readonly replaced: Promise<void>;
  /** Lets steps in progress end, closes everything in order. Idempotent. */
  close(): Promise<void>;
}

export interface ServiceOptions extends CoreOptions {
  /** How long clients may take. Default: that of the server. */
  readonly patience?: Partial<Patience>;
}

/**
 * Starts the whole service on a data directory, made (0700) if it is missing. What was opened is
 * closed again if a later part fails.
 */
export async function startService(
  config: Config,
  options: ServiceOptions = {},
): Promise<RunningService> {
  const closers = new Closers();
  try {
    return await start(config, options, closers);
  } catch (error) {
    const log = options.log ?? (await openLog());
    await tellRefusedStart(config, error, log).catch((failure: unknown) => {
      log({ level: "error", message: "Nobody was told of the refusal", ...describeError(failure) });
    });
    await closers.close().catch(() => {
      // What kept it from starting says more than what kept it from ending.
    });
    throw error;
  }
}

async function start(
  config: Config,
  options: ServiceOptions,
  closers: Closers,
): Promise<RunningService> {
  const standby = new Standby(config, options.log ?? (await openLog()), options.patience);
  closers.add(() => standby.end());
  const core = await openCore(
    config,
    { ...options, triesBackups: true, onStandby: (worker) => standby.show(worker) },
    { description: "schemaledger serve" },
    closers,
  );
  await standby.end();
  const { container, opened, executor } = core;
  // What the start itself does is counted, too.
  const services = container.resolve(t.SERVICES);
  await services.monitor.start();
  closers.add(async () => services.monitor.stop());
  const stops = await recordServiceLife(core, config);
  // It goes on until after the stop is on record.
  await publishLoop(container, config, opened, core.context, closers);
  const serves = stops(closers);
  await recordAuditReads(core, config);
  searchWithIndex(core, join(config.data, "search.db"));
  const adminKeyFile = join(config.data, "keys", "admin.key");
  await issueFirstKey(container.resolve(t.KEY_SERVICE), adminKeyFile, core.context);
  const scheduler = container.resolve(t.SCHEDULER);
  // When the jobs have ended, what they were for is told.
  closers.add(() => scheduler.finish());
  // Takes up what an earlier process left, before anything new is accepted.
  await resumeWork(core, options, closers);
  closers.add(scheduler.start(core.context));
  closers.add(startWatch(container, core.context));
  const app = createApp(services, config);
  const server = await startServer(app, config, {
    stop: () => opened.stopping.abort(),
    report: (error) =>
      opened.log({
        level: "error",
        message: "The changed certificate cannot be used; the one before goes on",
        ...describeError(error),
      }),
    ...(options.patience === undefined ? {} : { patience: options.patience }),
  });
  closers.add(() => server.close());
  serves();
  // A command on the same directory finds the service by it.
  await core.lock.announce(server.url);
  await core.lease?.announce(server.url);
  // Children start while the first request is on its way; a failure shows at first use.
  executor.warm().catch(() => undefined);
  const replaced = replacement(core);
  return { url: server.url, adminKeyFile, replaced, close: () => closers.close() };
}

/** Steps under way are somebody else's to find out now: they are killed, and roll back. */
async function replacement({ lease, executor, opened }: Core): Promise<void> {
  if (lease === undefined) return new Promise(() => {});
  await lease.lost;
  executor.killAll("another service works with the ledger");
  const message = "Another service works with the ledger: this one was not heard of for too long";
  opened.log({ level: "error", code: "lease-lost", message });
}

/** Whoever reads less of who reads is to be seen in what is left. */
async function recordAuditReads(core: Core, { auditReads = "all" }: Config): Promise<void> {
  const { container, context } = core;
  if (auditReads === "none" || auditReads === container.resolve(t.PROJECTION).state.auditReads)
    return;
  await container.resolve(t.LEDGER).append({
    stream: SERVICE_STREAM,
    expected: "any",
    events: [{ type: "AuditReadsChanged", data: { reads: auditReads } }],
    context,
  });
}

/** Everything is found without it too, only later. */
function searchWithIndex({ container, opened }: Core, file: string): void {
  const unusable = (error: unknown): void => {
    const message = "The search index cannot be used; queries with several filters go without it";
    opened.log({ level: "error", message, ...describeError(error) });
  };
  try {
    container.resolve(t.LEDGER).searchWith?.(file, unusable);
  } catch (error) {
    unusable(error);
  }
}
