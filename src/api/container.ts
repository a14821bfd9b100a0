import "reflect-metadata";
import { container as root, instanceCachingFactory } from "tsyringe";
import type { DependencyContainer } from "tsyringe";
import { hostname } from "node:os";
import type { AuditRow } from "../domain/audit/audit-log.ts";
import type { TransparencyLog } from "../domain/ledger/transparency-log.ts";
import type { EventQuery, Ledger } from "../domain/ledger/ledger.ts";
import type { RetryPace } from "../domain/alerting/retry.ts";
import type { Executor } from "../domain/engine/executor.ts";
import type { Clock } from "../domain/shared/clock.ts";
import { Reconciliation } from "../domain/recovery/reconciliation.ts";
import type { ActorNames } from "../domain/service/actor-names.ts";
import type { Pseudonyms } from "../domain/service/pseudonyms.ts";
import { DirectoryPlace, type BackupPlace } from "../infra/page-store/backup-place.ts";
import type { OpenedKeys } from "../infra/page-store/backup-keys.ts";
import { PageBackupStore } from "../infra/page-store/page-backup-store.ts";
import type { AnyKeyring } from "../infra/signing/no-keys.ts";
import { Passwords } from "../infra/postgres/connection/password-file.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import { FollowingLedger } from "../infra/sqlite/following-ledger.ts";
import type { ReadOnlyFiles } from "../infra/sqlite/read-only-file.ts";
import { SqliteLedger } from "../infra/sqlite/sqlite-ledger.ts";
import { SystemClock } from "../infra/system/system-clock.ts";
import { UuidIds } from "../infra/system/uuid-ids.ts";
import { TOOL_VERSION } from "../infra/system/version.ts";
import type { Log } from "../infra/telemetry/logger.ts";
import type { CoreConfig } from "./config.ts";
import { addProjection } from "./compose-projection.ts";
import { addAlerting, alertsFor } from "./compose-alerting.ts";
import { addIdentity, IDENTITY, identityServices } from "./compose-identity.ts";
import { addErasure } from "./compose-erasure.ts";
import { addProof, PROOF, proofServices } from "./compose-proof.ts";
import { backupsIn, ledgerFile, passwordFile } from "./config.ts";
import { dialects } from "./dialects.ts";
import { ADOPTION, adoptionServices } from "./compose-adoption.ts";
import { MONITORING, monitoringServices } from "./compose-monitoring.ts";
import { addHistory, HISTORY, historyServices } from "./history-services.ts";
import { lazy, together } from "./lazy.ts";
import type { One } from "./tokens.ts";
import { CronerCalendar } from "../infra/calendar/croner-calendar.ts";
import { addCommands } from "./compose-commands.ts";
import { addGovernance } from "./compose-governance.ts";
import { addWork } from "./compose-work.ts";
import { SAFEKEEPING, safekeepingServices } from "./safekeeping-services.ts";
import { addSchedules, scheduleServices } from "./compose-schedules.ts";
import type { Services } from "./services.ts";
import type { SharedLedger } from "./shared-ledger.ts";
import * as t from "./tokens.ts";

export type { DependencyContainer };

/** What is opened before the rest can be put together. */
export interface Opened {
  readonly keyring: AnyKeyring;
  readonly pseudonyms: Pseudonyms;
  readonly executor: Executor;
  /** What stores copies of the ledger. Default: the executor. */
  readonly ledgerExecutor?: Executor;
  readonly log: Log;
  readonly stopping: AbortController;
  readonly actors: ActorNames;
  readonly backupKeys: OpenedKeys;
  /** Default: in the data directory. */
  readonly backupPlace?: BackupPlace;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly readOnly?: boolean;
  /** The service waits for another one to go, which works with the same ledger. */
  readonly standsBy?: boolean;
  /** The ledger is another process's for as long as this one lives: it is followed. Needs `readOnly`. */
  readonly follows?: Pick<ReadOnlyFiles, "connect">;
  /** The ledger is not in the data directory, and others append to it as well. */
  readonly shared?: SharedLedger;
  readonly aroundLedger?: AroundLedger;
  /** Default: that of `RecoveryService`. */
  readonly recoveryLockTimeoutMs?: number;
  /** Null: the ledger is not backed up by itself. Default: that of `LedgerBackups`. */
  readonly ledgerBackupDelayMs?: number | null;
  /** Default: `RETRY_PACE`. */
  readonly alertPace?: RetryPace;
}

/** Returns what everything else uses in place of the opened ledger. */
export type AroundLedger = (ledger: SqliteLedger) => SqliteLedger;

/** The transparency log as the composition uses it. */
export type OpenedLog = TransparencyLog & {
  readonly follow: (onError: (error: unknown) => void) => void;
  readonly close: () => Promise<void>;
};

/** The ledger as the composition uses it. */
export type OpenedLedger = Ledger & {
  readonly readRows: (query: EventQuery) => readonly AuditRow[] | Promise<readonly AuditRow[]>;
  readonly searchWith?: SqliteLedger["searchWith"];
  readonly failsToWrite?: boolean;
};

/** The composition root: the one place that knows every class. */
export function createContainer(config: CoreConfig, opened: Opened): DependencyContainer {
  const container = root.createChildContainer();
  const one: One = (token, make) => {
    container.register(token, { useFactory: instanceCachingFactory(make) });
  };
  addBasics(one, config, opened);
  addProjection(one, config, opened);
  addHistory(one, config, opened);
  addWork(one, opened.recoveryLockTimeoutMs);
  addIdentity(one);
  addAlerting(one, config);
  addGovernance(one);
  addCommands(one, config, opened.pseudonyms);
  addSchedules(one);
  one(t.SERVICES, (c) => servicesOf(c, config, opened));
  return container;
}

const servicesOf = (c: DependencyContainer, config: CoreConfig, opened: Opened): Services => {
  const safekeeping = together(SAFEKEEPING, () => safekeepingServices(c, config, opened));
  return lazy<Services>({
    databases: () => c.resolve(t.DATABASE_SERVICE),
    migrations: () => c.resolve(t.MIGRATION_SERVICE),
    deviations: () => c.resolve(t.DEVIATIONS),
    runs: () => c.resolve(t.RUN_SERVICE),
    backups: () => c.resolve(t.BACKUP_SERVICE),
    restores: () => c.resolve(t.RESTORE_SERVICE),
    policies: () => c.resolve(t.POLICY_SERVICE),
    integrity: () => c.resolve(t.INTEGRITY_SERVICE),
    keys: () => c.resolve(t.KEY_SERVICE),
    ...together(ADOPTION, () => adoptionServices(c, config)),
    ...together(HISTORY, () => historyServices(c, opened)),
    ...safekeeping,
    ...together({ schedules: true }, () => scheduleServices(c, { prunes: safekeeping.prunes() })),
    sessions: () => c.resolve(t.SESSIONS),
    progress: () => c.resolve(t.PROGRESS),
    projection: () => c.resolve(t.PROJECTION),
    ledger: () => c.resolve(t.LEDGER),
    audit: () => ({ rows: async (query) => c.resolve(t.LEDGER).readRows(query) }),
    ...together(PROOF, () => proofServices(c, config, opened.shared)),
    reconciliation: () =>
      new Reconciliation(
        c.resolve(t.PROJECTION),
        c.resolve(t.SESSIONS),
        c.resolve(t.INTEGRITY_SERVICE),
        c.resolve(t.JOBS),
      ),
    digest: () => c.resolve(t.DIGEST),
    ids: () => c.resolve(t.IDS),
    log: () => opened.log,
    ...together(MONITORING, () => monitoringServices(c, config, opened)),
    stopping: () => opened.stopping.signal,
    ...together(IDENTITY, () => identityServices(c, config, opened)),
    texts: () => c.resolve(t.TEXTS),
    erasures: () => c.resolve(t.ERASURE_SERVICE),
    alertTargets: () => c.resolve(t.ALERT_TARGETS),
  });
};

function addBasics(one: One, config: CoreConfig, opened: Opened): void {
  const {
    keyring,
    actors,
    executor,
    log,
    backupKeys,
    backupPlace = new DirectoryPlace(backupsIn(config)),
    clock = new SystemClock(),
    readOnly = false,
    follows,
    shared,
    aroundLedger = (ledger: SqliteLedger) => ledger,
  } = opened;
  one(t.CLOCK, () => clock);
  one(t.IDS, () => new UuidIds());
  one(t.CALENDAR, () => new CronerCalendar());
  one(t.DIGEST, () => new NodeDigest());
  one(t.LOG, () => log);
  one(t.EXECUTOR, () => executor);
  one(t.DIALECTS, () => dialects);
  one(t.PASSWORDS, () => new Passwords(passwordFile(config)));
  one(t.LEDGER, (c) => {
    if (follows !== undefined)
      return new FollowingLedger(follows.connect(ledgerFile(config)), c.resolve(t.DIGEST));
    const options = {
      signers: keyring,
      digest: c.resolve(t.DIGEST),
      clock: c.resolve(t.CLOCK),
      ids: c.resolve(t.IDS),
      host: hostname(),
      instance: c.resolve(t.IDS).uuid(),
      toolVersion: TOOL_VERSION,
      readOnly,
      complete: alertsFor(c),
      sealer: c.resolve(t.SEALER),
    };
    if (shared !== undefined) return shared.ledger(options);
    return aroundLedger(SqliteLedger.open({ ...options, file: ledgerFile(config) }));
  });
  addProof(one, config, opened);
  addErasure(one, config, actors, follows !== undefined || opened.standsBy === true);
  one(t.BACKUP_STORE, () => new PageBackupStore(backupPlace, backupKeys));
}
