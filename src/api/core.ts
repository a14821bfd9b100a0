import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import { SERVICE_STREAM } from "../domain/events.ts";
import type { RetryPace } from "../domain/alerting/retry.ts";
import type { Executor } from "../domain/engine/executor.ts";
import type { Context } from "../domain/shared/actor.ts";
import type { Clock } from "../domain/shared/clock.ts";
import type { Projection } from "../domain/state/projection.ts";
import {
  ProcessExecutor,
  type ProcessExecutorOptions,
} from "../infra/executor/process-executor.ts";
import { makeDirectory } from "../infra/files/atomic-write.ts";
import {
  acquireDirectoryLock,
  type DirectoryLock,
  type LockWaiting,
} from "../infra/files/directory-lock.ts";
import { ActorDirectory } from "../infra/files/actor-directory.ts";
import { Keyring } from "../infra/signing/keyring.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import { HmacPseudonyms } from "../infra/signing/hmac-pseudonyms.ts";
import { describeError, type Log } from "../infra/telemetry/logger.ts";
import { openStoreKeys, recordBackupKey } from "./backup-encryption.ts";
import { openBackupPlace, type OpenedPlace } from "./backup-place.ts";
import { recordBackupStore } from "./backup-store-change.ts";
import type { Closers } from "./closers.ts";
import { loadDialect } from "./dialects.ts";
import type { CoreConfig } from "./config.ts";
import {
  createContainer,
  type AroundLedger,
  type DependencyContainer,
  type Opened,
} from "./container.ts";
import { requireKeyFiles } from "./key-files.ts";
import { continuationOf } from "./continuation.ts";
import { startAlerting } from "./compose-alerting.ts";
import { checkAnchors } from "./compose-anchors.ts";
import type { LedgerPlace } from "../infra/postgres/ledger/session.ts";
import type { LeaseHolder, WorkLease } from "../infra/postgres/ledger/work-lease.ts";
import { ledgerPlaceOf, openShared, rememberLedger } from "./ledger-place.ts";
import { loadOrigin } from "./origin.ts";
import * as t from "./tokens.ts";

export interface CoreOptions {
  /** Default: JSON lines on stderr. */
  readonly log?: Log;
  readonly executor?: ProcessExecutorOptions;
  /** For crash tests: what is put around the ledger, so that a process can die at an append. */
  readonly aroundLedger?: AroundLedger;
  /** For crash tests: how long recovery waits for a live writer before it queues again, ms. */
  readonly recoveryLockTimeoutMs?: number;
  /** After a total loss: the private halves of the signing keys are gone; why, for the record. */
  readonly lostKeys?: string;
  /** For tests of something else: null keeps the ledger from being backed up by itself. */
  readonly ledgerBackupDelayMs?: number | null;
  /** For tests of time: in place of the machine's clock. */
  readonly clock?: Clock;
  /** For tests: how soon alerts that did not arrive are sent again. */
  readonly alertPace?: RetryPace;
  /** A bucket for backups is tried out, however lately it was. */
  readonly triesBackups?: boolean;
  /** How long a step in progress may take to end when the core closes, ms. Default 20 s. */
  readonly stopGraceMs?: number;
  /** In place of `executor`: one that was made before, whose children are starting already. */
  readonly startedExecutor?: ProcessExecutor;
  /** As `Opened.ledgerExecutor`. */
  readonly ledgerExecutor?: Executor;
  /** For services that share a ledger: called when another one works, in place of failing. */
  readonly onStandby?: (worker: LeaseHolder) => Promise<void>;
  /** Starts the spare executors as soon as the directory is ours, while the ledger is opened. */
  readonly warm?: boolean;
}

/** Who takes the data directory, and whether to wait for it. */
export interface CoreHolder {
  readonly description: string;
  /** Absent: a directory that another process has is refused at once. */
  readonly waiting?: LockWaiting;
}

/** Everything but HTTP: the ledger, its state, the services and the executors. */
export interface Core {
  readonly container: DependencyContainer;
  readonly executor: ProcessExecutor;
  readonly lock: DirectoryLock;
  /** Where the ledger is one that others may work with. */
  readonly lease?: WorkLease;
  readonly opened: Opened;
  /** The service acting on its own. */
  readonly context: Context;
}

/** Below the 30 s after which supervisors usually kill. */
const STOP_GRACE_MS = 20_000;

/**
 * Takes the data directory, made (0700) if it is missing, and opens everything on it. Nothing runs
 * yet: `resumeWork` begins. What is opened is added to `closers` at once.
 */
export async function openCore(
  config: CoreConfig,
  options: CoreOptions,
  holder: CoreHolder,
  closers: Closers,
): Promise<Core> {
  const {
    log = await defaultLog(),
    aroundLedger,
    recoveryLockTimeoutMs,
    ledgerBackupDelayMs,
    ledgerExecutor,
    clock,
    alertPace,
  } = options;
  const keys = join(config.data, "keys");
  await makeDirectory(keys);
  await chmod(config.data, 0o700);
  const executor = options.startedExecutor ?? new ProcessExecutor(options.executor);
  const since = new Date().toISOString();
  const lock = await acquireDirectoryLock(
    config.data,
    holder.description,
    since,
    holder.waiting,
  ).catch(async (error: unknown) => {
    await executor.close();
    throw error;
  });
  closers.add(() => lock.release());
  closers.add(() => executor.close());
  // A failure shows when the first session opens.
  if (options.warm === true) executor.warm().catch(() => undefined);
  const stop = new AbortController();
  await requireKeyFiles(config.data);
  const backups = await openBackupPlace(config, options.triesBackups ?? false);
  const place = await ledgerPlaceOf(config);
  const lease = await leaseOf(place, config, options, holder, closers);
  // Not before: whoever worked until now may have made and destroyed some.
  const openedKeys = await openKeys(keys);
  const shared = await openShared(place, openedKeys.keyring, log, closers, lease?.token);
  if (place !== undefined) {
    await rememberLedger(config.data, place);
    // Copies of the ledger that a process had when it died.
    await rm(join(config.data, "scratch"), { recursive: true, force: true });
  }
  const opened: Opened = {
    ...openedKeys,
    ...(shared === undefined ? {} : { shared }),
    backupKeys: await openStoreKeys(config, backups.place.objects),
    backupPlace: backups.place,
    executor,
    log,
    stopping: stop,
    ...(clock === undefined ? {} : { clock }),
    ...(aroundLedger === undefined ? {} : { aroundLedger }),
    ...(recoveryLockTimeoutMs === undefined ? {} : { recoveryLockTimeoutMs }),
    ...(ledgerBackupDelayMs === undefined ? {} : { ledgerBackupDelayMs }),
    ...(ledgerExecutor === undefined ? {} : { ledgerExecutor }),
    ...(alertPace === undefined ? {} : { alertPace }),
  };
  const container = createContainer(config, opened);
  const passwords = container.resolve(t.PASSWORDS);
  executor.usePasswords(({ engine, url }) =>
    engine === "postgres" ? passwords.of(url) : Promise.resolve(undefined),
  );
  const context = systemContext(opened, container);
  await openLedger(container, config, opened, context, closers, options.lostKeys);
  await takeStore(container, backups, context);
  return { container, executor, lock, opened, context, ...(lease === undefined ? {} : { lease }) };
}

/** The right to work with a ledger in PostgreSQL; given back when everything else is closed. */
async function leaseOf(
  place: LedgerPlace | undefined,
  { data, leaseMs }: CoreConfig,
  { onStandby }: CoreOptions,
  { waiting }: CoreHolder,
  closers: Closers,
): Promise<WorkLease | undefined> {
  if (place === undefined) return undefined;
  const { seekLease } = await import("./work-lease.ts");
  const origin = await loadOrigin(join(data, "keys", "origin"));
  const stands = onStandby !== undefined;
  const timeoutMs = stands ? Number.POSITIVE_INFINITY : (waiting?.timeoutMs ?? 0);
  const seeking = { timeoutMs, signal: waiting?.signal, leaseMs, onStandby };
  const lease = await seekLease(place, { data, origin }, seeking);
  closers.add(() => lease.release());
  return lease;
}

async function defaultLog(): Promise<Log> {
  const { openLog } = await import("../infra/telemetry/open-log.ts");
  return openLog();
}

/** What is in the directory `keys`; what is missing there is made. */
export async function openKeys(
  keys: string,
): Promise<Pick<Opened, "keyring" | "pseudonyms" | "actors">> {
  const [origin, pseudonyms, actors] = await Promise.all([
    loadOrigin(join(keys, "origin")),
    HmacPseudonyms.open(join(keys, "pepper")),
    ActorDirectory.open(join(keys, "actors.json")),
  ]);
  return { keyring: await Keyring.open(keys, origin, new NodeDigest()), pseudonyms, actors };
}

/** Takes up what an earlier process left. Work that then runs ends before the core closes. */
export async function resumeWork(
  { container, executor, context, opened }: Core,
  { stopGraceMs = STOP_GRACE_MS }: CoreOptions,
  closers: Closers,
): Promise<void> {
  // Ends after the work whose end somebody is to be told of.
  await startAlerting(container, opened, context, closers);
  closers.add(() => endWork(container, executor, stopGraceMs));
  await container.resolve(t.BACKUP_STORE).clean();
  const services = container.resolve(t.SERVICES);
  services.runs.resume(context);
  container.resolve(t.GATE).start(context, {
    run: (run, own) => services.runs.take(run, own),
    // Made when there is one: most starts have no restore that waits.
    restore: (restore, own) => services.restores.take(restore, own),
  });
  closers.add(services.cleanup.start(context));
  closers.add(services.ledgerBackups.start(context));
}

/** The ledger with its state and its first event. */
async function openLedger(
  container: DependencyContainer,
  config: CoreConfig,
  opened: Opened,
  context: Context,
  closers: Closers,
  lostKeys?: string,
): Promise<void> {
  const ledger = container.resolve(t.LEDGER);
  const kept = container.resolve(t.KEPT_CHECKPOINT);
  closers.add(() => ledger.close());
  closers.add(() => opened.keyring.release());
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
  const projection = await startState(container, closers);
  await checkAnchors(container, config, opened);
  if (projection.state.size === 0) {
    const { origin } = ledger;
    const verifierKey = opened.keyring.firstVerifierKey;
    const data = await continuationOf(config.data);
    const continued = data === undefined ? [] : [{ type: "LedgerContinued" as const, data }];
    await ledger.append({
      stream: SERVICE_STREAM,
      expected: "none",
      events: [
        ...continued,
        { type: "LedgerOpened", data: { origin, verifierKey, leafFormat: 1 } },
      ],
      context,
    });
  }
  closers.add(() => container.resolve(t.ACCESS_LOG).flush());
  closers.add(() => container.resolve(t.QUIET_RECORDER).stop());
  const signingKeys = container.resolve(t.SIGNING_KEYS);
  if (lostKeys === undefined) await signingKeys.start();
  else await signingKeys.replaceLost(opened.keyring.firstVerifierKey, lostKeys, context);
  await container.resolve(t.ERASURE_SERVICE).start();
  await recordBackupKey(ledger, projection.state, opened.backupKeys, context);
}

/** Nothing is backed up to where the backups that are counted on are not. */
async function takeStore(
  container: DependencyContainer,
  { place, remember }: OpenedPlace,
  context: Context,
): Promise<void> {
  const { state } = container.resolve(t.PROJECTION);
  const store = container.resolve(t.BACKUP_STORE);
  await recordBackupStore(container.resolve(t.LEDGER), state, store, place.recorded, context);
  await remember();
}

function followWithTiles(container: DependencyContainer, { log }: Opened, closers: Closers): void {
  const tiles = container.resolve(t.TRANSPARENCY_LOG);
  closers.add(() => tiles.close());
  tiles.follow((error) => {
    const message = "Hashes of the transparency log could not be worked out";
    log({ level: "error", message, ...describeError(error) });
  });
}

/** The ledger's state, kept current from now on. */
export async function startState(
  container: DependencyContainer,
  closers: Closers,
): Promise<Projection> {
  const projection = container.resolve(t.PROJECTION);
  await projection.start();
  closers.add(() => projection.stop());
  const engines = new Set([...projection.state.databases.values()].map(({ engine }) => engine));
  await Promise.all([...engines].map(loadDialect));
  return projection;
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
function systemContext({ pseudonyms, keyring }: Opened, container: DependencyContainer): Context {
  return {
    actor: { id: pseudonyms.of("internal", keyring.name, "schemaledger"), kind: "system" },
    authn: { method: "internal" },
    source: {},
    requestId: container.resolve(t.IDS).uuid(),
  };
}
