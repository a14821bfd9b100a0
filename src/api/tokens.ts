import type { KeptCheckpoint } from "../infra/signing/kept-checkpoint.ts";
import type { DependencyContainer, InjectionToken } from "tsyringe";
import type { AccessLog } from "../domain/audit/access-log.ts";
import type { BackupKeeper } from "../domain/backup/backup-keeper.ts";
import type { BackupService, Background } from "../domain/backup/backup-service.ts";
import type { RestoreService } from "../domain/backup/restore-service.ts";
import type { Restorer } from "../domain/backup/restorer.ts";
import type { DatabaseService } from "../domain/database/database-service.ts";
import type { DatabaseJobs } from "../domain/engine/database-jobs.ts";
import type { Dialect } from "../domain/engine/dialect.ts";
import type { Executor } from "../domain/engine/executor.ts";
import type { ProgressHub } from "../domain/engine/progress-hub.ts";
import type { Sessions } from "../domain/engine/sessions.ts";
import type { Calendar } from "../domain/governance/calendar.ts";
import type { IntegrityService } from "../domain/integrity/integrity-service.ts";
import type { MigrationService } from "../domain/migration/migration-service.ts";
import type { RunDriver } from "../domain/migration/run-driver.ts";
import type { RunService } from "../domain/migration/run-service.ts";
import type { StepDependencies } from "../domain/migration/step-runner.ts";
import type { RecoveryService } from "../domain/recovery/recovery-service.ts";
import type { AccessRecorder } from "../domain/service/access-recorder.ts";
import type { KeyService } from "../domain/service/key-service.ts";
import type { ErasureService } from "../domain/erasure/erasure-service.ts";
import type { Sealer } from "../infra/erasure/sealer.ts";
import type { SubjectKeys } from "../infra/erasure/subject-keys.ts";
import type { Texts } from "./views/texts.ts";
import type { Cosigned } from "../domain/anchors/cosigned.ts";
import type { SigningKeys } from "../domain/service/signing-keys.ts";
import type { Clock } from "../domain/shared/clock.ts";
import type { Digest } from "../domain/shared/digest.ts";
import type { Ids } from "../domain/shared/ids.ts";
import type { Owned } from "../domain/shared/owned.ts";
import type { Recorder } from "../domain/shared/recorder.ts";
import type { Projection } from "../domain/state/projection.ts";
import type { PageBackupStore } from "../infra/page-store/page-backup-store.ts";
import type { SqliteLedger } from "../infra/sqlite/sqlite-ledger.ts";
import type { SqliteTransparencyLog } from "../infra/sqlite/sqlite-transparency-log.ts";
import type { Log } from "../infra/telemetry/logger.ts";
import type { Services } from "./services.ts";

/** Says how the one instance behind a token is made. */
export type One = <T>(token: InjectionToken<T>, make: (c: DependencyContainer) => T) => void;

/** Gives the instance behind a token. */
export interface Resolver {
  resolve<T>(token: InjectionToken<T>): T;
}

const token = <T>(name: string): InjectionToken<T> => Symbol(name);

export const ACCESS_RECORDER = token<AccessRecorder>("AccessRecorder");
export const ACCESS_LOG = token<AccessLog>("AccessLog");
export const BACKGROUND = token<Background>("Background");
export const BACKUP_KEEPER = token<BackupKeeper>("BackupKeeper");
export const BACKUP_SERVICE = token<BackupService>("BackupService");
export const BACKUP_STORE = token<PageBackupStore>("PageBackupStore");
export const CLOCK = token<Clock>("Clock");
export const DATABASE_SERVICE = token<DatabaseService>("DatabaseService");
export const DIALECT = token<Dialect>("Dialect");
export const CALENDAR = token<Calendar>("Calendar");
export const DIGEST = token<Digest>("Digest");
export const EXECUTOR = token<Executor>("Executor");
export const IDS = token<Ids>("Ids");
export const INTEGRITY_SERVICE = token<IntegrityService>("IntegrityService");
export const JOBS = token<DatabaseJobs>("DatabaseJobs");
export const KEPT_CHECKPOINT = token<KeptCheckpoint>("KeptCheckpoint");
export const KEY_SERVICE = token<KeyService>("KeyService");
export const LEDGER = token<SqliteLedger>("SqliteLedger");
export const LOG = token<Log>("Log");
export const MIGRATION_SERVICE = token<MigrationService>("MigrationService");
export const OWNED = token<Owned>("Owned");
export const PROGRESS = token<ProgressHub>("ProgressHub");
export const PROJECTION = token<Projection>("Projection");
export const RECORDER = token<Recorder>("Recorder");
export const RECOVERY_SERVICE = token<RecoveryService>("RecoveryService");
export const RESTORE_SERVICE = token<RestoreService>("RestoreService");
export const RESTORER = token<Restorer>("Restorer");
export const RUN_DRIVER = token<RunDriver>("RunDriver");
export const RUN_SERVICE = token<RunService>("RunService");
export const SERVICES = token<Services>("Services");
export const SESSIONS = token<Sessions>("Sessions");
export const SIGNING_KEYS = token<SigningKeys>("SigningKeys");
export const STEP_PARTS = token<StepDependencies>("StepDependencies");
export const TRANSPARENCY_LOG = token<SqliteTransparencyLog>("SqliteTransparencyLog");
export const ERASURE_SERVICE = token<ErasureService>("ErasureService");
export const SEALER = token<Sealer>("Sealer");
export const SUBJECT_KEYS = token<SubjectKeys>("SubjectKeys");
export const TEXTS = token<Texts>("Texts");
export const COSIGNED = token<Cosigned>("Cosigned");
