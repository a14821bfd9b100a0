import "reflect-metadata";
import { container as root, instanceCachingFactory } from "tsyringe";
import type { DependencyContainer } from "tsyringe";
import { hostname } from "node:os";
import { join } from "node:path";
import { BackupKeeper } from "../domain/backup/backup-keeper.ts";
import { BackupService } from "../domain/backup/backup-service.ts";
import { RestoreService } from "../domain/backup/restore-service.ts";
import { Restorer } from "../domain/backup/restorer.ts";
import { DatabaseService } from "../domain/database/database-service.ts";
import { DatabaseJobs } from "../domain/engine/database-jobs.ts";
import type { Executor } from "../domain/engine/executor.ts";
import { ProgressHub } from "../domain/engine/progress-hub.ts";
import { Sessions } from "../domain/engine/sessions.ts";
import { IntegrityService } from "../domain/integrity/integrity-service.ts";
import { MigrationService } from "../domain/migration/migration-service.ts";
import { Rollback } from "../domain/migration/rollback.ts";
import { RunDriver } from "../domain/migration/run-driver.ts";
import { RunFailures } from "../domain/migration/run-failures.ts";
import { RunService } from "../domain/migration/run-service.ts";
import { Reconciliation } from "../domain/recovery/reconciliation.ts";
import { RecoveryService } from "../domain/recovery/recovery-service.ts";
import { KeyService } from "../domain/service/key-service.ts";
import type { ActorNames } from "../domain/service/actor-names.ts";
import type { Pseudonyms } from "../domain/service/pseudonyms.ts";
import { Owned } from "../domain/shared/owned.ts";
import { Recorder } from "../domain/shared/recorder.ts";
import { Projection } from "../domain/state/projection.ts";
import { FileBackupStore } from "../infra/backup-store/file-backup-store.ts";
import { resolveDatabaseUrl } from "../infra/files/resolve-database-url.ts";
import type { Keyring } from "../infra/signing/keyring.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import { SqliteLedger } from "../infra/sqlite/sqlite-ledger.ts";
import { SqliteDialect } from "../infra/sqlite/sql/sqlite-dialect.ts";
import { SystemClock } from "../infra/system/system-clock.ts";
import { UuidIds } from "../infra/system/uuid-ids.ts";
import { TOOL_VERSION } from "../infra/system/version.ts";
import { diffText } from "../infra/text/diff-text.ts";
import { describeError, type Log } from "../infra/telemetry/logger.ts";
import type { CoreConfig } from "./config.ts";
import { addProof, proofServices } from "./compose-proof.ts";
import { ledgerFile } from "./config.ts";
import { historyServices } from "./history-services.ts";
import type { One } from "./tokens.ts";
import * as t from "./tokens.ts";

export type { DependencyContainer };

/** What is opened before the rest can be put together. */
export interface Opened {
  readonly keyring: Keyring;
  readonly pseudonyms: Pseudonyms;
  readonly executor: Executor;
  readonly log: Log;
  readonly stopping: AbortController;
  readonly actors: ActorNames;
  readonly readOnly?: boolean;
  readonly aroundLedger?: AroundLedger;
  /** Default: that of `RecoveryService`. */
  readonly recoveryLockTimeoutMs?: number;
}

/** Returns what everything else uses in place of the opened ledger. */
export type AroundLedger = (ledger: SqliteLedger) => SqliteLedger;

/** The composition root: the one place that knows every class. */
export function createContainer(config: CoreConfig, opened: Opened): DependencyContainer {
  const container = root.createChildContainer();
  const one: One = (token, make) => {
    container.register(token, { useFactory: instanceCachingFactory(make) });
  };
  addBasics(one, config, opened);
  addWork(one, opened);
  addCommands(one, config, opened);
  one(t.SERVICES, (c) => ({
    databases: c.resolve(t.DATABASE_SERVICE),
    migrations: c.resolve(t.MIGRATION_SERVICE),
    runs: c.resolve(t.RUN_SERVICE),
    backups: c.resolve(t.BACKUP_SERVICE),
    restores: c.resolve(t.RESTORE_SERVICE),
    integrity: c.resolve(t.INTEGRITY_SERVICE),
    keys: c.resolve(t.KEY_SERVICE),
    ...historyServices(c),
    progress: c.resolve(t.PROGRESS),
    projection: c.resolve(t.PROJECTION),
    ledger: c.resolve(t.LEDGER),
    audit: { rows: (query) => c.resolve(t.LEDGER).readRows(query) },
    ...proofServices(c, config),
    reconciliation: new Reconciliation(
      c.resolve(t.PROJECTION),
      c.resolve(t.SESSIONS),
      c.resolve(t.INTEGRITY_SERVICE),
      c.resolve(t.JOBS),
    ),
    digest: c.resolve(t.DIGEST),
    ids: c.resolve(t.IDS),
    log: opened.log,
    stopping: opened.stopping.signal,
    actors: opened.actors,
  }));
  return container;
}

function addBasics(
  one: One,
  config: CoreConfig,
  { keyring, executor, log, readOnly = false, aroundLedger = (ledger) => ledger }: Opened,
): void {
  one(t.CLOCK, () => new SystemClock());
  one(t.IDS, () => new UuidIds());
  one(t.DIGEST, () => new NodeDigest());
  one(t.LOG, () => log);
  one(t.EXECUTOR, () => executor);
  one(t.DIALECT, () => new SqliteDialect());
  one(t.LEDGER, (c) =>
    aroundLedger(
      SqliteLedger.open({
        file: ledgerFile(config),
        signers: keyring,
        digest: c.resolve(t.DIGEST),
        clock: c.resolve(t.CLOCK),
        ids: c.resolve(t.IDS),
        host: hostname(),
        instance: c.resolve(t.IDS).uuid(),
        toolVersion: TOOL_VERSION,
        readOnly,
      }),
    ),
  );
  addProof(one, config, keyring);
  one(
    t.PROJECTION,
    (c) => new Projection(c.resolve(t.LEDGER), c.resolve(t.DIGEST), c.resolve(t.CLOCK)),
  );
  one(t.BACKUP_STORE, () => new FileBackupStore(join(config.data, "backups")));
}

/** What carries out work on databases, for whichever service asked for it. */
function addWork(one: One, { recoveryLockTimeoutMs }: Opened): void {
  one(t.RECORDER, (c) => new Recorder(c.resolve(t.LEDGER)));
  one(t.PROGRESS, () => new ProgressHub());
  one(t.JOBS, () => new DatabaseJobs());
  one(t.OWNED, () => new Owned());
  one(t.BACKGROUND, (c) => ({
    jobs: c.resolve(t.JOBS),
    owned: c.resolve(t.OWNED),
    report: (error) => {
      const message = "Work on a database failed and could not be recorded";
      c.resolve(t.LOG)({ level: "error", message, ...describeError(error) });
    },
  }));
  one(
    t.SESSIONS,
    (c) => new Sessions(c.resolve(t.EXECUTOR), c.resolve(t.LEDGER).origin, c.resolve(t.PROGRESS)),
  );
  one(
    t.BACKUP_KEEPER,
    (c) =>
      new BackupKeeper(
        c.resolve(t.BACKUP_STORE),
        c.resolve(t.RECORDER),
        c.resolve(t.LEDGER),
        c.resolve(t.CLOCK),
        TOOL_VERSION,
      ),
  );
  one(
    t.RESTORER,
    (c) =>
      new Restorer(
        c.resolve(t.PROJECTION),
        c.resolve(t.RECORDER),
        c.resolve(t.BACKUP_KEEPER),
        c.resolve(t.SESSIONS),
        c.resolve(t.CLOCK),
        c.resolve(t.IDS),
      ),
  );
  one(
    t.RECOVERY_SERVICE,
    (c) =>
      new RecoveryService(
        c.resolve(t.PROJECTION),
        c.resolve(t.RECORDER),
        c.resolve(t.BACKUP_KEEPER),
        c.resolve(t.SESSIONS),
        c.resolve(t.OWNED),
        recoveryLockTimeoutMs,
      ),
  );
  one(t.STEP_PARTS, (c) => ({
    ledger: c.resolve(t.LEDGER),
    recorder: c.resolve(t.RECORDER),
    keeper: c.resolve(t.BACKUP_KEEPER),
    dialect: c.resolve(t.DIALECT),
    clock: c.resolve(t.CLOCK),
    digest: c.resolve(t.DIGEST),
    ids: c.resolve(t.IDS),
  }));
  one(t.RUN_DRIVER, (c) => {
    const parts = {
      ...c.resolve(t.STEP_PARTS),
      projection: c.resolve(t.PROJECTION),
      sessions: c.resolve(t.SESSIONS),
      recovery: c.resolve(t.RECOVERY_SERVICE),
      restorer: c.resolve(t.RESTORER),
    };
    return new RunDriver({
      ...parts,
      integrity: c.resolve(t.INTEGRITY_SERVICE),
      failures: new RunFailures(parts),
      rollback: new Rollback(parts),
    });
  });
}

/** The services that take commands. */
function addCommands(one: One, config: CoreConfig, { pseudonyms }: Opened): void {
  one(
    t.DATABASE_SERVICE,
    (c) =>
      new DatabaseService(
        c.resolve(t.LEDGER),
        c.resolve(t.PROJECTION),
        c.resolve(t.EXECUTOR),
        c.resolve(t.JOBS),
        c.resolve(t.IDS),
        (url, create) => resolveDatabaseUrl(url, config.roots, [config.data], create),
      ),
  );
  one(
    t.MIGRATION_SERVICE,
    (c) =>
      new MigrationService(
        c.resolve(t.DATABASE_SERVICE),
        c.resolve(t.PROJECTION),
        c.resolve(t.LEDGER),
        c.resolve(t.DIALECT),
        c.resolve(t.DIGEST),
        diffText,
      ),
  );
  one(
    t.RUN_SERVICE,
    (c) =>
      new RunService(
        c.resolve(t.DATABASE_SERVICE),
        c.resolve(t.PROJECTION),
        c.resolve(t.RECORDER),
        c.resolve(t.RUN_DRIVER),
        c.resolve(t.BACKGROUND),
        c.resolve(t.DIGEST),
        c.resolve(t.IDS),
      ),
  );
  one(
    t.BACKUP_SERVICE,
    (c) =>
      new BackupService(
        c.resolve(t.DATABASE_SERVICE),
        c.resolve(t.PROJECTION),
        c.resolve(t.RECORDER),
        c.resolve(t.BACKUP_KEEPER),
        c.resolve(t.SESSIONS),
        c.resolve(t.BACKGROUND),
        c.resolve(t.IDS),
      ),
  );
  one(
    t.RESTORE_SERVICE,
    (c) =>
      new RestoreService(
        c.resolve(t.DATABASE_SERVICE),
        c.resolve(t.PROJECTION),
        c.resolve(t.RECORDER),
        c.resolve(t.RESTORER),
        c.resolve(t.RECOVERY_SERVICE),
        c.resolve(t.BACKGROUND),
      ),
  );
  one(
    t.INTEGRITY_SERVICE,
    (c) =>
      new IntegrityService(
        c.resolve(t.DATABASE_SERVICE),
        c.resolve(t.PROJECTION),
        c.resolve(t.RECORDER),
        c.resolve(t.SESSIONS),
        c.resolve(t.BACKGROUND),
        c.resolve(t.CLOCK),
        c.resolve(t.IDS),
      ),
  );
  one(
    t.KEY_SERVICE,
    (c) =>
      new KeyService({
        ledger: c.resolve(t.LEDGER),
        projection: c.resolve(t.PROJECTION),
        ids: c.resolve(t.IDS),
        digest: c.resolve(t.DIGEST),
        pseudonyms,
      }),
  );
}
