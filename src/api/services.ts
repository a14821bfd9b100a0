import type { AdoptionService } from "../domain/adoption/adoption-service.ts";
import type { AlertTargets } from "../domain/alerting/alert-targets.ts";
import type { AuditLog } from "../domain/audit/audit-log.ts";
import type { BackupService } from "../domain/backup/backup-service.ts";
import type { RestoreService } from "../domain/backup/restore-service.ts";
import type { DatabaseService } from "../domain/database/database-service.ts";
import type { ProgressHub } from "../domain/engine/progress-hub.ts";
import type { Sessions } from "../domain/engine/sessions.ts";
import type { IntegrityService } from "../domain/integrity/integrity-service.ts";
import type { Ledger } from "../domain/ledger/ledger.ts";
import type { Proofs } from "../domain/ledger/proofs.ts";
import type { TransparencyLog } from "../domain/ledger/transparency-log.ts";
import type { MigrationService } from "../domain/migration/migration-service.ts";
import type { FileMigration } from "../domain/migration/migration-source.ts";
import type { RunService } from "../domain/migration/run-service.ts";
import type { ScheduleService } from "../domain/schedule/schedule-service.ts";
import type { Reconciliation } from "../domain/recovery/reconciliation.ts";
import type { ActorNames } from "../domain/service/actor-names.ts";
import type { AccessRecorder } from "../domain/service/access-recorder.ts";
import type { Deviations } from "../domain/migration/deviations.ts";
import type { KeyService } from "../domain/service/key-service.ts";
import type { ErasureService } from "../domain/erasure/erasure-service.ts";
import type { Texts } from "./views/texts.ts";
import type { Cosigned } from "../domain/anchors/cosigned.ts";
import type { SigningKeys } from "../domain/service/signing-keys.ts";
import type { Digest } from "../domain/shared/digest.ts";
import type { Ids } from "../domain/shared/ids.ts";
import type { Projection } from "../domain/state/projection.ts";
import type { AuthenticatorParts } from "./auth/authenticate.ts";
import type { PolicyService } from "../domain/database/policy-service.ts";
import type { Monitor } from "./monitoring/monitor.ts";
import type { Readiness } from "./monitoring/readiness.ts";
import type { LedgerVerification, ToCompare } from "../infra/sqlite/ledger-verifier.ts";
import type { HistoryServices } from "./history-services.ts";
import type { SafekeepingServices } from "./safekeeping-services.ts";
import type { Log } from "../infra/telemetry/logger.ts";

/** Everything the routes call. The composition root provides it. */
export interface Services extends HistoryServices, SafekeepingServices {
  readonly databases: DatabaseService;
  readonly migrations: MigrationService;
  readonly deviations: Deviations;
  readonly adoptions: AdoptionService;
  /** The migrations in a folder below a root. */
  readonly folderFiles: (directory: string, format?: string) => Promise<readonly FileMigration[]>;
  readonly runs: RunService;
  readonly backups: BackupService;
  readonly restores: RestoreService;
  readonly policies: PolicyService;
  readonly integrity: IntegrityService;
  readonly schedules: ScheduleService;
  readonly keys: KeyService;
  readonly sessions: Sessions;
  readonly progress: ProgressHub;
  readonly projection: Projection;
  readonly ledger: Ledger;
  readonly audit: AuditLog;
  readonly verifier: LedgerVerifier;
  readonly transparencyLog: TransparencyLog;
  readonly proofs: Proofs;
  readonly reconciliation: Reconciliation;
  /** What witnesses have signed last. */
  readonly cosigned: Cosigned;
  /** The keys that sign checkpoints. */
  readonly signingKeys: SigningKeys;
  readonly digest: Digest;
  readonly ids: Ids;
  readonly log: Log;
  /** Aborted when the service stops: streams and waits end. */
  readonly stopping: AbortSignal;
  readonly monitor: Monitor;
  readonly readiness: Readiness;
  readonly actors: ActorNames;
  readonly access: Pick<AccessRecorder, "used" | "refused">;
  /** What callers are recognised by. */
  readonly identity: Omit<AuthenticatorParts, "keys">;
  readonly texts: Texts;
  readonly erasures: ErasureService;
  readonly alertTargets: AlertTargets;
}

/** Re-hashes the whole ledger. */
export interface LedgerVerifier {
  verify(compare?: ToCompare): Promise<LedgerVerification>;
}
