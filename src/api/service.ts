import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { SERVICE_STREAM } from "../domain/events.ts";
import type { Context } from "../domain/shared/actor.ts";
import {
  ProcessExecutor,
  type ProcessExecutorOptions,
} from "../infra/executor/process-executor.ts";
import { makeDirectory } from "../infra/files/atomic-write.ts";
import { acquireDirectoryLock } from "../infra/files/directory-lock.ts";
import { Ed25519Signer } from "../infra/signing/ed25519-signer.ts";
import { HmacPseudonyms } from "../infra/signing/hmac-pseudonyms.ts";
import { describeError, logToStderr, type Log } from "../infra/telemetry/logger.ts";
import { createApp } from "./app.ts";
import type { Config } from "./config.ts";
import {
  createContainer,
  type AroundLedger,
  type DependencyContainer,
  type Opened,
} from "./container.ts";
import { issueFirstKey } from "./first-key.ts";
import { requireKeyFiles } from "./key-files.ts";
import { loadOrigin } from "./origin.ts";
import { startServer } from "./server.ts";
import * as t from "./tokens.ts";

export interface RunningService {
  readonly url: string;
  /** Holds the first admin token, one line. */
  readonly adminKeyFile: string;
  /** Lets steps in progress end, closes everything in order. Idempotent. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  /** Default: JSON lines on stderr. */
  readonly log?: Log;
  readonly executor?: ProcessExecutorOptions;
  /** For crash tests: what is put around the ledger, so that a process can die at an append. */
  readonly aroundLedger?: AroundLedger;
  /** For crash tests: how long recovery waits for a live writer before it queues again, ms. */
  readonly recoveryLockTimeoutMs?: number;
  /** How long a step in progress may take to end when the service closes, ms. Default 20 s. */
  readonly stopGraceMs?: number;
}

/** Below the 30 s after which supervisors usually kill. */
const STOP_GRACE_MS = 20_000;

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
    await closers.close();
    throw error;
  }
}

async function start(
  config: Config,
  options: ServiceOptions,
  closers: Closers,
): Promise<RunningService> {
  const {
    log = logToStderr,
    aroundLedger,
    recoveryLockTimeoutMs,
    stopGraceMs = STOP_GRACE_MS,
  } = options;
  const keys = join(config.data, "keys");
  await makeDirectory(keys);
  await chmod(config.data, 0o700);
  const since = new Date().toISOString();
  const lock = await acquireDirectoryLock(config.data, "schemaledger serve", since);
  closers.add(() => lock.release());
  const stop = new AbortController();
  await requireKeyFiles(config.data);
  const origin = await loadOrigin(join(keys, "origin"));
  const executor = new ProcessExecutor(options.executor);
  closers.add(() => executor.close());
  const opened: Opened = {
    signer: await Ed25519Signer.load(join(keys, "signing.pem"), origin),
    pseudonyms: await HmacPseudonyms.open(join(keys, "pepper")),
    executor,
    log,
    stopping: stop.signal,
    ...(aroundLedger === undefined ? {} : { aroundLedger }),
    ...(recoveryLockTimeoutMs === undefined ? {} : { recoveryLockTimeoutMs }),
  };
  const container = createContainer(config, opened);
  const adminKeyFile = join(keys, "admin.key");
  await openLedger(container, opened, adminKeyFile, closers);
  closers.add(() => endWork(container, executor, stopGraceMs));
  await container.resolve(t.BACKUP_STORE).clean();
  // Takes up what an earlier process left, before anything new is accepted.
  container.resolve(t.RUN_SERVICE).resume(systemContext(opened, container));
  const app = createApp(container.resolve(t.SERVICES));
  const server = await startServer(app, config, () => stop.abort());
  closers.add(() => server.close());
  // Children start while the first request is on its way; a failure shows at first use.
  executor.warm().catch(() => undefined);
  return { url: server.url, adminKeyFile, close: () => closers.close() };
}

/** The ledger with its state, its first event and its first key. */
async function openLedger(
  container: DependencyContainer,
  opened: Opened,
  adminKeyFile: string,
  closers: Closers,
): Promise<void> {
  const ledger = container.resolve(t.LEDGER);
  const kept = container.resolve(t.KEPT_CHECKPOINT);
  closers.add(() => ledger.close());
  // Before anything is appended: it would be signed as what follows.
  await kept.requireReached(ledger);
  const notKept = (error: unknown): void => {
    const message = "The checkpoint could not be kept outside the ledger";
    opened.log({ level: "error", message, ...describeError(error) });
  };
  kept.start(ledger, notKept);
  closers.add(async () => {
    await ledger.close();
    await kept.stop(ledger).catch(notKept);
  });
  followWithTiles(container, opened, closers);
  const projection = container.resolve(t.PROJECTION);
  await projection.start();
  closers.add(() => projection.stop());
  const context = systemContext(opened, container);
  if (projection.state.size === 0) {
    const { origin } = ledger;
    const { verifierKey } = opened.signer;
    await ledger.append({
      stream: SERVICE_STREAM,
      expected: "none",
      events: [{ type: "LedgerOpened", data: { origin, verifierKey, leafFormat: 1 } }],
      context,
    });
  }
  await issueFirstKey(container.resolve(t.KEY_SERVICE), adminKeyFile, context);
}

function followWithTiles(container: DependencyContainer, { log }: Opened, closers: Closers): void {
  const tiles = container.resolve(t.TRANSPARENCY_LOG);
  closers.add(() => tiles.close());
  tiles.follow((error) => {
    const message = "Hashes of the transparency log could not be worked out";
    log({ level: "error", message, ...describeError(error) });
  });
}

/**
 * Lets steps in progress end, but not for ever: what takes longer is killed, rolls back, and is
 * given its outcome by the next start.
 */
async function endWork(
  container: DependencyContainer,
  executor: ProcessExecutor,
  graceMs: number,
): Promise<void> {
  container.resolve(t.RUN_SERVICE).shutDown();
  const limit = setTimeout(() => executor.killAll("the service is stopping"), graceMs);
  await container.resolve(t.JOBS).stop();
  clearTimeout(limit);
}

/** The service acting on its own. */
function systemContext({ pseudonyms, signer }: Opened, container: DependencyContainer): Context {
  return {
    actor: { id: pseudonyms.of("internal", signer.name, "schemaledger"), kind: "system" },
    authn: { method: "internal" },
    source: {},
    requestId: container.resolve(t.IDS).uuid(),
  };
}

/** Closes what was opened, last first. */
class Closers {
  readonly #steps: (() => void | Promise<void>)[] = [];
  #closing: Promise<void> | undefined;

  add(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  close(): Promise<void> {
    this.#closing ??= this.#run();
    return this.#closing;
  }

  /** A step that fails keeps none of the others from running; the first failure is thrown. */
  async #run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.toReversed()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
