import type { ImportedHistory } from "../adoption/adoption-state.ts";
import type {
  BackupEvents,
  BackupFacts,
  BackupKind,
  BackupPurpose,
  RestoreOrder,
} from "../backup/events.ts";
import type {
  EngineName,
  OnFailure,
  Physical,
  Policy,
  TransactionMode,
} from "../database/events.ts";
import type { ApprovalSignature } from "../governance/events.ts";
import type { CheckLevel } from "../integrity/events.ts";
import type {
  Direction,
  Finding,
  RollbackStrategy,
  RunEvents,
  RunFailureOutcome,
  RunKind,
} from "../migration/events.ts";
import type { SchemaObject } from "../schema/schema.ts";
import type { Role } from "../service/events.ts";
import type { Failure } from "../shared/errors.ts";
import { Entities, Folding } from "./entities.ts";
import type { MigrationState } from "./migration-state.ts";
import type { Kind } from "./entity-query.ts";
import type { OpenAlert } from "../alerting/open-alert.ts";
import type { AlertTargetState } from "../alerting/target-state.ts";
import type { Ended } from "./leaving.ts";
import type { ScheduleState } from "./schedule-state.ts";
import type { PolicyChangeState, Undertaking } from "./undertaking.ts";
import type {
  AssuranceState,
  HoldState,
  LedgerBackupsState,
  PruneState,
  RecoveryState,
} from "./safekeeping-state.ts";
import type { BackupStatus, RunStatus } from "./statuses.ts";

/**
 * What is open or current, as a fold over the ledger's events: databases and keys, what has not
 * ended, backups that exist, and of each database the run and the check that ended last. What has
 * ended otherwise leaves (leaving.ts) and is found through the projection. The folds change their
 * own state in place; nobody outside `state/` writes to it.
 */
export interface LedgerState {
  readonly folding: Folding;
  /** What left with the events folded last, for whoever folds to take. */
  readonly left: Ended[];
  /** Number of events folded: the index that must come next. */
  size: number;
  origin: string | null;
  /** Every key that ever signed checkpoints, in order. */
  readonly signingKeys: SigningKeyState[];
  /** Whose personal data was erased, in order. */
  readonly erasures: ErasureState[];
  /** Id of the data key that backups are encrypted under; null: they are not. */
  backupKey: string | null;
  /** Where backups lie; null: in the data directory. */
  backupStore: { readonly url: string; readonly endpoint: string | null } | null;
  /** How reads of the audit history are recorded. */
  auditReads: string;
  /** The newest start of a service, and whether it was stopped since. */
  serving: { readonly started: Happened | null; readonly stopped: boolean };
  readonly keys: Entities<KeyState>;
  readonly databases: Entities<DatabaseState>;
  /** Names of databases that are not retired → id. */
  readonly databaseIds: Entities<string>;
  readonly runs: Entities<RunState>;
  readonly backups: Entities<BackupState>;
  readonly restores: Entities<RestoreState>;
  readonly policyChanges: Entities<PolicyChangeState>;
  readonly checks: Entities<CheckState>;
  readonly prunes: Entities<PruneState>;
  readonly recoveries: Entities<RecoveryState>;
  readonly scrubs: Entities<AssuranceState>;
  readonly drills: Entities<AssuranceState>;
  /** Those that were not deleted. */
  readonly schedules: Entities<ScheduleState>;
  /** Where alerts are sent, with what waits for it. */
  readonly alertTargets: Entities<AlertTargetState>;
  /** Troubles that last, by alert id, until it is recorded that they are over. */
  readonly openAlerts: Entities<OpenAlert>;
  readonly ledgerBackups: LedgerBackupsState;
}

export function emptyState(): LedgerState {
  const folding = new Folding();
  return {
    folding,
    left: [],
    size: 0,
    origin: null,
    signingKeys: [],
    erasures: [],
    backupKey: null,
    backupStore: null,
    auditReads: "all",
    serving: { started: null, stopped: false },
    keys: new Entities(folding),
    databases: new Entities(folding),
    databaseIds: new Entities(folding),
    runs: new Entities(folding),
    backups: new Entities(folding),
    restores: new Entities(folding),
    policyChanges: new Entities(folding),
    checks: new Entities(folding),
    prunes: new Entities(folding),
    recoveries: new Entities(folding),
    scrubs: new Entities(folding),
    drills: new Entities(folding),
    schedules: new Entities(folding),
    alertTargets: new Entities(folding),
    openAlerts: new Entities(folding),
    ledgerBackups: { open: null, kept: [], newest: null, replaces: [], due: false },
  };
}

/** When, by whom and in which event something happened. */
export interface Happened {
  readonly index: number;
  readonly time: string;
  readonly actor: string;
}

export interface ErasureState {
  readonly actorId: string;
  /** Names of the keys that were destroyed. */
  readonly kids: readonly string[];
  readonly erased: Happened;
}

export interface SigningKeyState {
  readonly verifierKey: string;
  readonly since: Happened;
  retired: Happened | null;
}

export interface KeyState {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly tokenHash: string;
  readonly actorId: string;
  readonly actorKind: "user" | "service";
  /** Ids; null: not limited. */
  readonly databases: readonly string[] | null;
  readonly expiresAt: string | null;
  readonly issued: Happened;
  /** The first use on the last day on which it was used. */
  lastUsed: Happened | null;
  revoked: Happened | null;
}

export interface DatabaseState {
  readonly id: string;
  readonly name: string;
  readonly engine: EngineName;
  readonly url: string;
  readonly registered: Happened;
  policy: Policy;
  incarnation: string;
  /** Number of events in the database's stream. */
  streamVersion: number;
  /** Null until `SchemaBaselined`. */
  fingerprint: string | null;
  engineVersion: string | null;
  physical: Physical | null;
  schema: readonly SchemaObject[];
  readonly migrations: Map<string, MigrationState>;
  /** Other tools' histories that were adopted, by table. */
  readonly histories: Map<string, ImportedHistory>;
  drift: { readonly expected: string; readonly found: string; readonly index: number } | null;
  quarantine: { readonly code: string; readonly reason: string; readonly index: number } | null;
  retired: Happened | null;
  /** Intents without an outcome: recovery must find it. */
  readonly openAttempts: Map<string, OpenAttempt>;
  readonly openBackups: Set<string>;
  /** Backups whose verification was asked for. */
  readonly openVerifications: Set<string>;
  readonly openRestores: Set<string>;
  readonly openPolicyChanges: Set<string>;
  readonly openChecks: Set<string>;
  readonly openPrunes: Set<string>;
  readonly openRecoveries: Set<string>;
  readonly openAssurances: Map<string, AssuranceState["kind"]>;
  /** Legal holds that are in force, by id. */
  readonly holds: Map<string, HoldState>;
  /** Runs that were requested and have not ended, in order of request. */
  readonly openRuns: Set<string>;
  /** What has ended and is still in memory, with its kind (leaving.ts). */
  readonly ended: Map<string, Kind>;
  /** The run that ended last. */
  lastRun: string | null;
  lastBackup: string | null;
  lastCheck: string | null;
}

export interface OpenAttempt {
  readonly attempt: string;
  readonly runId: string;
  readonly version: string;
  readonly direction: Direction;
  readonly transaction: TransactionMode;
  readonly index: number;
  /** Set by StepUnknown: an operator must decide. */
  unknown: boolean;
}

export type StepStatus =
  | "pending"
  | "running"
  | "applied"
  | "reverted"
  | "failed"
  | "aborted"
  | "unknown";

export interface RunState extends Undertaking {
  readonly what: "run";
  readonly kind: RunKind;
  readonly to: string | null;
  readonly reason: string | undefined;
  readonly ticket: string | undefined;
  readonly rehearse: boolean;
  readonly onFailure: OnFailure | undefined;
  readonly strategy: RollbackStrategy | undefined;
  /** Backup that is brought back where the steps are not undone by their scripts. */
  readonly restores: string | undefined;
  readonly rehearsalOnly: boolean;
  readonly withDown: boolean;
  readonly steps: StepState[];
  status: RunStatus;
  outcome: "applied" | "rolled-back" | "rehearsed" | "nothing-to-do" | RunFailureOutcome | null;
  error: Failure | null;
  /** The verified backup taken before the first step. */
  backupId: string | null;
  rehearsal: RunEvents["RehearsalCompleted"] | null;
  readonly restoreIds: string[];
}

export interface ApprovalState {
  readonly given: Happened;
  readonly planDigest: string;
  readonly comment: string | undefined;
  /** Set when it was withdrawn or has expired: it does not count any more. */
  ended: (Happened & { readonly how: "withdrawn" | "expired" | "key-revoked" }) | null;
  readonly keyId: string | undefined;
  readonly signature: ApprovalSignature | undefined;
}

export interface StepState {
  readonly version: string;
  readonly name: string;
  readonly direction: Direction;
  readonly transaction: TransactionMode;
  status: StepStatus;
  attempt: string | null;
  durationMs: number | null;
  error: Failure | null;
  findings: readonly Finding[];
  /** Event that gave the step its present status. */
  eventIndex: number | null;
}

export interface BackupState {
  readonly id: string;
  readonly databaseId: string;
  readonly kind: BackupKind;
  readonly purpose: BackupPurpose;
  readonly tables: readonly string[] | undefined;
  readonly runId: string | undefined;
  readonly started: Happened;
  status: BackupStatus;
  facts: BackupFacts | null;
  completed: Happened | null;
  verified: Happened | null;
  /** The newest one; null before the first. */
  verification: BackupVerification | null;
  pruned: Happened | null;
  error: Failure | null;
}

/** What became of restoring a backup to a scratch place and comparing it. */
export interface BackupVerification {
  /** `aborted` says nothing of the backup: something kept it from being looked at. */
  readonly status: "running" | "passed" | "failed" | "aborted";
  /** When it came to this status. */
  readonly at: Happened;
  readonly error: Failure | null;
}

export interface RestoreState extends Undertaking {
  readonly what: "restore";
  readonly backupId: string;
  readonly reason: string;
  readonly runId: string | undefined;
  readonly recoveryId: string | undefined;
  readonly order: RestoreOrder;
  /** As of runs. */
  status: RunStatus;
  /** Somebody asked for it to be given up. */
  cancel: (Happened & { readonly reason: string }) | null;
  /** Backup of what was replaced; null until started, or if there was nothing to save. */
  safetyBackupId: string | null;
  /** The incarnation the database has after success; null until started. */
  incarnation: string | null;
  /** With a new file: hex SHA-256 of what it will hold; null until started. */
  sha256: string | null;
  error: Failure | null;
  /** What kept it from being done, or is worth knowing of what was. */
  findings: readonly Finding[];
  facts: BackupEvents["RestoreCompleted"] | null;
}

export interface CheckState {
  readonly id: string;
  readonly databaseId: string;
  readonly level: CheckLevel;
  readonly runId: string | undefined;
  readonly started: Happened;
  status: "running" | "passed" | "failed" | "aborted";
  ended: Happened | null;
  findings: readonly Finding[];
  durationMs: number | null;
}
