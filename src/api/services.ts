import type { AuditLog } from "../domain/audit/audit-log.ts";
import type {
  Allowances,
  EngineName,
  OnFailure,
  Policy,
  TransactionMode,
} from "../domain/database/events.ts";
import type { Progress } from "../domain/engine/database-engine.ts";
import type { RecordedEvent } from "../domain/events.ts";
import type { CheckLevel } from "../domain/integrity/events.ts";
import type { Ledger } from "../domain/ledger/ledger.ts";
import type { Finding, PlannedStep, RollbackStrategy, RunKind } from "../domain/migration/events.ts";
import type { KeyService } from "../domain/service/key-service.ts";
import type { Context } from "../domain/shared/actor.ts";
import type { Digest } from "../domain/shared/digest.ts";
import type { Ids } from "../domain/shared/ids.ts";
import type {
  BackupState,
  CheckState,
  DatabaseState,
  LedgerState,
  MigrationState,
  RestoreState,
  RunState,
} from "../domain/state/state.ts";
import type { Log } from "../infra/telemetry/logger.ts";


/** Everything the routes call. The composition root provides it. */
export interface Services {
  readonly databases: DatabaseCommands;
  readonly migrations: MigrationCommands;
  readonly runs: RunCommands;
  readonly backups: BackupCommands;
  readonly restores: RestoreCommands;
  readonly integrity: IntegrityCommands;
  readonly keys: KeyService;
  readonly progress: ProgressFeed;
  readonly projection: LiveState;
  readonly ledger: Ledger;
  readonly audit: AuditLog;
  readonly verifier: LedgerVerifier;
  /** `name+hexid+base64(type || public key)` that checks this ledger's checkpoints. */
  readonly verifierKey: string;
  readonly digest: Digest;
  readonly ids: Ids;
  readonly log: Log;
  /** Aborted when the service stops: streams and waits end. */
  readonly stopping: AbortSignal;
}

export interface DatabaseCommands {
  register(
    input: {
      readonly name: string;
      readonly engine: EngineName;
      readonly url: string;
      readonly policy?: Partial<Policy>;
      readonly create?: boolean;
    },
    context: Context,
  ): Promise<DatabaseState>;
  changePolicy(name: string, policy: Partial<Policy>, context: Context): Promise<DatabaseState>;
  find(nameOrId: string): DatabaseState;
  list(): readonly DatabaseState[];
}

export interface MigrationInput {
  readonly version: string;
  readonly name: string;
  readonly up: string;
  readonly down?: string;
  readonly verify?: string;
  readonly transaction?: TransactionMode;
  readonly allow?: Allowances;
}

export interface Plan {
  readonly planDigest: string;
  readonly kind: RunKind;
  readonly from: string | null;
  readonly to: string | null;
  readonly steps: readonly PlannedStep[];
  readonly findings: readonly Finding[];
  readonly reversible: boolean;
}

export interface MigrationCommands {
  register(
    name: string,
    migrations: readonly MigrationInput[],
    context: Context,
  ): Promise<{ readonly items: readonly MigrationState[]; readonly created: boolean }>;
  list(name: string): readonly MigrationState[];
  plan(name: string, to: string | undefined): Plan;
}

export interface RunCommands {
  request(
    name: string,
    input: {
      readonly to?: string;
      readonly reason?: string;
      readonly ticket?: string;
      readonly planDigest?: string;
      readonly rehearse?: boolean;
      readonly onFailure?: OnFailure;
    },
    context: Context,
  ): Promise<RunState>;
  rollBack(
    name: string,
    input: { readonly to: string; readonly strategy?: RollbackStrategy; readonly reason: string },
    context: Context,
  ): Promise<RunState>;
  cancel(runId: string, reason: string, context: Context): Promise<RunState>;
  find(runId: string): RunState;
  waitForEnd(runId: string, ms: number): Promise<RunState>;
}

export interface BackupCommands {
  request(
    name: string,
    input: { readonly kind?: "full" | "table"; readonly tables?: readonly string[] },
    context: Context,
  ): Promise<BackupState>;
  requestVerification(backupId: string, context: Context): Promise<BackupState>;
  find(backupId: string): BackupState;
  list(name: string): readonly BackupState[];
}

export interface RestoreCommands {
  request(
    name: string,
    input: { readonly backupId: string; readonly reason: string },
    context: Context,
  ): Promise<RestoreState>;
  find(restoreId: string): RestoreState;
}

export interface IntegrityCommands {
  request(name: string, input: { readonly level?: CheckLevel }, context: Context): Promise<CheckState>;
  list(name: string): readonly CheckState[];
}

export interface ProgressFeed {
  subscribe(operationId: string, listener: (progress: Progress) => void): () => void;
}

/** The projection, as far as the API looks. */
export interface LiveState {
  readonly state: LedgerState;
  stateHash(): string;
  rebuild(): Promise<{ readonly before: string; readonly after: string }>;
  onChange(listener: (events: readonly RecordedEvent[]) => void): () => void;
}

/** Re-hashes the whole ledger. */
export interface LedgerVerifier {
  verify(): Promise<LedgerVerification>;
}

export interface LedgerVerification {
  readonly ok: boolean;
  readonly size: number;
  /** Base64. */
  readonly root: string;
  readonly checkedEvents: number;
  readonly findings: readonly { readonly code: string; readonly message: string }[];
}
