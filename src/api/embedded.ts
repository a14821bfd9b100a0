import { join } from "node:path";
import type { ActorName } from "../domain/service/actor-names.ts";
import type { Context } from "../domain/shared/actor.ts";
import { NotFound } from "../domain/shared/errors.ts";
import { NoExecutor } from "../infra/executor/no-executor.ts";
import { InProcessExecutor } from "../infra/executor/in-process-executor.ts";
import { ProcessExecutor } from "../infra/executor/process-executor.ts";
import { FollowedActors } from "../infra/files/followed-actors.ts";
import { exists } from "../infra/files/exists.ts";
import type { LockWaiting } from "../infra/files/directory-lock.ts";
import type { Log } from "../infra/telemetry/logger.ts";
import { NO_KEYS } from "../infra/page-store/data-keys.ts";
import { openStoreKeysToRead } from "./backup-encryption.ts";
import { openBackupPlaceToRead } from "./backup-place.ts";
import { Closers } from "./closers.ts";
import { ledgerFile, type CoreConfig } from "./config.ts";
import { createContainer, type DependencyContainer, type Opened } from "./container.ts";
import { openCore, openKeys, resumeWork, startState } from "./core.ts";
import { ledgerPlaceOf, openShared } from "./ledger-place.ts";
import { requireAllKeyFiles } from "./key-files.ts";
import type { Services } from "./services.ts";
import * as t from "./tokens.ts";
import { Views } from "./views/views.ts";

/** A command has one session after the other; until one runs what others wrote, they share a child. */
export const EMBEDDED_EXECUTOR = { spare: 1, refills: false } as const;

/** Who works on the directory, and how. */
export interface EmbeddedOptions {
  readonly actor: ActorName;
  /** The program, recorded as user agent. */
  readonly program: string;
  readonly log: Log;
  readonly waiting: LockWaiting;
  /** One whose children are starting already; closed with what is opened. */
  readonly executor?: ProcessExecutor;
  /**
   * Reads managed databases in this process, without a child. For programs that open a database by
   * no other means: closing a file drops the locks that another copy of SQLite has on it.
   */
  readonly inProcess?: boolean;
}

/** The service inside this process, without HTTP: its services, its views, and who acts. */
export interface Embedded {
  readonly services: Services;
  readonly views: Views;
  /** The circumstances of one command. */
  readonly context: () => Context;
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens a data directory for work, made if it is missing. This process is its only one until it is
 * closed. Errors: those of `openCore`.
 */
export async function openEmbedded(
  config: CoreConfig,
  options: EmbeddedOptions,
): Promise<Embedded> {
  return closedOnFailure(async (closers) => {
    const { log, waiting, program, executor } = options;
    const core = await openCore(
      config,
      {
        log,
        warm: true,
        executor: EMBEDDED_EXECUTOR,
        // No event loop has to be kept free for others, and the run's child has ended.
        ledgerExecutor: new InProcessExecutor(),
        ...(executor === undefined ? {} : { startedExecutor: executor }),
      },
      { description: program, waiting },
      closers,
    );
    await resumeWork(core, {}, closers);
    return embedded(core.container, core.opened, options, closers);
  });
}

/**
 * Opens a data directory for reading, beside whatever process has it: the state is that of the
 * moment. Errors: NotFound data-directory-missing; `ledger-read-only` from whatever would append.
 */
export async function openReadOnly(
  config: CoreConfig,
  options: EmbeddedOptions,
): Promise<Embedded> {
  if ((await ledgerPlaceOf(config)) === undefined && !(await exists(ledgerFile(config))))
    throw new NotFound("data-directory-missing", `There is no ledger in ${config.data}`, {
      hint: "Name the data directory with --data; schemaledger migrate makes one",
    });
  return closedOnFailure(async (closers) => {
    const { inProcess = false, log } = options;
    const executor = inProcess ? new InProcessExecutor() : new ProcessExecutor({ spare: 0 });
    closers.add(() => executor.close());
    const { container, opened } = await openToRead(config, { executor, log }, closers);
    return embedded(container, opened, options, closers);
  });
}

/** What a service shows while another one works. What is opened is added to `closers` at once. */
export async function openStandbyCore(
  config: CoreConfig,
  log: Log,
  closers: Closers,
): Promise<{ readonly services: Services; readonly stopping: AbortController }> {
  const core = { executor: new NoExecutor(), log, standsBy: true };
  const { container, opened } = await openToRead(config, core, closers);
  return { services: container.resolve(t.SERVICES), stopping: opened.stopping };
}

async function openToRead(
  config: CoreConfig,
  given: Pick<Opened, "executor" | "log" | "standsBy">,
  closers: Closers,
): Promise<{ readonly container: DependencyContainer; readonly opened: Opened }> {
  await requireAllKeyFiles(config.data);
  const backupPlace = await openBackupPlaceToRead(config);
  const keys = join(config.data, "keys");
  const openedKeys = await openKeys(keys);
  const place = await ledgerPlaceOf(config);
  const shared = await openShared(place, openedKeys.keyring, given.log, closers);
  const opened: Opened = {
    ...openedKeys,
    ...given,
    // Who stands by sees who was introduced meanwhile.
    ...(given.standsBy === true ? { actors: new FollowedActors(join(keys, "actors.json")) } : {}),
    ...(shared === undefined ? {} : { shared }),
    backupPlace,
    // What commands read here is not in backups: no service is asked for keys.
    backupKeys:
      backupPlace.recorded === null
        ? await openStoreKeysToRead(config, backupPlace.objects)
        : NO_KEYS,
    stopping: new AbortController(),
    readOnly: true,
  };
  const container = createContainer(config, opened);
  const ledger = container.resolve(t.LEDGER);
  closers.add(() => ledger.close());
  closers.add(() => opened.keyring.release());
  await container.resolve(t.KEPT_CHECKPOINT).requireReached(ledger);
  await startState(container, closers);
  // What is shown of the ledger's head is signed by the keys that sign it now; nothing is stored.
  opened.keyring.use(container.resolve(t.SIGNING_KEYS).active());
  return { container, opened };
}

async function embedded(
  container: DependencyContainer,
  opened: Opened,
  { actor, program }: EmbeddedOptions,
  closers: Closers,
): Promise<Embedded> {
  const services = container.resolve(t.SERVICES);
  const id = opened.pseudonyms.of("local", opened.keyring.name, `${actor.kind}\n${actor.name}`);
  if (opened.readOnly !== true) await opened.actors.introduce(id, actor);
  return {
    services,
    views: new Views(services),
    context: () => ({
      actor: { id, kind: actor.kind },
      authn: { method: "local" },
      source: { userAgent: program },
      requestId: services.ids.uuid(),
    }),
    close: () => {
      opened.stopping.abort();
      return closers.close();
    },
  };
}

async function closedOnFailure<T>(open: (closers: Closers) => Promise<T>): Promise<T> {
  const closers = new Closers();
  try {
    return await open(closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}
