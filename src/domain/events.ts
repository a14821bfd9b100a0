import type { AdoptionEvents } from "./adoption/events.ts";
import type { AlertEvents } from "./alerting/events.ts";
import type { AssuranceEvents } from "./assurance/events.ts";
import type { AnchorEvents } from "./anchors/events.ts";
import type { AuditEvents } from "./audit/events.ts";
import type { BackupEvents } from "./backup/events.ts";
import type { DatabaseEvents } from "./database/events.ts";
import type { GovernanceEvents } from "./governance/events.ts";
import type { IntegrityEvents } from "./integrity/events.ts";
import type { LedgerBackupEvents } from "./ledger-backup/events.ts";
import type { RunEvents } from "./migration/events.ts";
import type { RecoveryEvents } from "./recovery/events.ts";
import type { RetentionEvents } from "./retention/events.ts";
import type { ScheduleEvents } from "./schedule/events.ts";
import type { ServiceEvents } from "./service/events.ts";
import type { ActorKind } from "./shared/actor.ts";
import type { Hash } from "./shared/digest.ts";

/**
 * Every event of Schemaledger: type → data. A type, once released, is never renamed or removed;
 * a changed shape gets the next version and an upcaster (ledger/upcast.ts).
 */
export interface EventData
  extends
    ServiceEvents,
    AnchorEvents,
    AuditEvents,
    DatabaseEvents,
    AdoptionEvents,
    RunEvents,
    GovernanceEvents,
    BackupEvents,
    RetentionEvents,
    RecoveryEvents,
    LedgerBackupEvents,
    AssuranceEvents,
    AlertEvents,
    ScheduleEvents,
    IntegrityEvents {}

export type EventType = keyof EventData;

/** The events as a union, for exhaustive switches on `type`. */
export type DomainEvent = { [T in EventType]: EventOf<T> }[EventType];

export interface EventOf<T extends EventType> {
  readonly type: T;
  readonly data: EventData[T];
}

/** What the ledger adds to an event when it is appended. */
export interface Recorded {
  /** Global, gapless, from 0; the leaf index in the Merkle log. */
  readonly index: number;
  /** UUIDv7. */
  readonly id: string;
  readonly stream: string;
  /** Place within the stream, from 0. */
  readonly streamVersion: number;
  /** RFC 3339 UTC, milliseconds. */
  readonly time: string;
  readonly actor: { readonly id: string; readonly kind: ActorKind };
  readonly correlation: string;
  readonly causation: string | null;
  readonly context: RecordedContext;
  /** SHA-256(0x00 || leaf bytes). */
  readonly leafHash: Hash;
}

/** Circumstances kept in the payload (erasable), never in the leaf. */
export interface RecordedContext {
  readonly authn: { readonly method: string; readonly keyId?: string };
  readonly source: { readonly ip?: string; readonly userAgent?: string };
  readonly requestId: string;
  readonly tool: { readonly version: string };
  readonly host: string;
  readonly instance: string;
}

export type RecordedEvent = { [T in EventType]: EventOf<T> & Recorded }[EventType];

/** What a fold may know of an event: what it says, its place, when and by whom. */
export type FoldEvent = { [T in EventType]: EventOf<T> & Placed }[EventType];

export interface Placed extends Pick<Recorded, "index" | "stream" | "streamVersion" | "time"> {
  readonly actor: { readonly id: string };
}

/** The stream of what belongs to no single database. */
export const SERVICE_STREAM = "service";

/** The stream of one database. */
export const databaseStream = (databaseId: string): string => `database:${databaseId}`;

/** The database id of a stream, or undefined for the service stream. */
export const databaseIdOf = (stream: string): string | undefined =>
  stream.startsWith("database:") ? stream.slice("database:".length) : undefined;

/** The present version of every event type; all are at 1 until a shape changes. */
export const EVENT_VERSIONS: { readonly [T in EventType]: number } = {
  LedgerOpened: 1,
  KeyIssued: 1,
  KeyRevoked: 1,
  KeyUsed: 1,
  AccessRefused: 1,
  AuditAccessed: 1,
  AuditReadsChanged: 1,
  ReportIssued: 1,
  KeyRotated: 1,
  KeyRetired: 1,
  SubjectErased: 1,
  LedgerContinued: 1,
  CheckpointAnchored: 1,
  HeartbeatRecorded: 1,
  BackupKeyChanged: 1,
  BackupStoreChanged: 1,
  ServiceStarted: 1,
  ServiceStopped: 1,
  DatabaseRegistered: 1,
  SchemaBaselined: 1,
  PolicyChanged: 1,
  MigrationRegistered: 1,
  MigrationWithdrawn: 1,
  DeviationAccepted: 1,
  HistoryImported: 1,
  MigrationAdopted: 1,
  MigrationRefused: 1,
  DriftDetected: 1,
  DriftChecked: 1,
  DriftResolved: 1,
  DatabaseQuarantined: 1,
  DatabaseReleased: 1,
  DatabaseRetired: 1,
  RunRequested: 1,
  RunApproved: 1,
  RestoreApproved: 1,
  RestoreRejected: 1,
  RestoreScheduled: 1,
  PolicyChangeRequested: 1,
  PolicyChangeApproved: 1,
  PolicyChangeRejected: 1,
  PolicyChangeCancelled: 1,
  RunRejected: 1,
  ApprovalWithdrawn: 1,
  ApprovalExpired: 1,
  ApprovalRefused: 1,
  RunScheduled: 1,
  EmergencyReviewed: 1,
  TestEvidenceRecorded: 1,
  RunStarted: 1,
  RehearsalCompleted: 1,
  StepStarted: 1,
  StepApplied: 1,
  StepReverted: 1,
  StepFailed: 1,
  StepAborted: 1,
  StepUnknown: 1,
  StepResolved: 1,
  RecoveryStarted: 1,
  RunCompleted: 1,
  RunFailed: 1,
  RunCancelled: 1,
  BackupStarted: 1,
  BackupCompleted: 1,
  BackupFailed: 1,
  BackupVerified: 1,
  BackupVerificationRequested: 1,
  BackupVerificationAborted: 1,
  BackupVerificationFailed: 1,
  TableBackupCompleted: 1,
  RestoreRequested: 1,
  RestoreCancelRequested: 1,
  RestoreStarted: 1,
  RestoreCompleted: 1,
  RestoreFailed: 1,
  ScrubRequested: 1,
  ScrubCompleted: 1,
  DrillRequested: 1,
  DrillCompleted: 1,
  LedgerBackupStarted: 1,
  LedgerBackupCompleted: 1,
  LedgerBackupFailed: 1,
  LedgerRestored: 1,
  PruneRequested: 1,
  PruneStarted: 1,
  BackupPruned: 1,
  PruneCompleted: 1,
  PruneFailed: 1,
  LegalHoldPlaced: 1,
  LegalHoldReleased: 1,
  DatabaseRecoveryRequested: 1,
  DatabaseRecoveryPlanned: 1,
  DatabaseRecoveryCompleted: 1,
  DatabaseRecoveryFailed: 1,
  AlertRaised: 1,
  AlertResolved: 1,
  ScheduleCreated: 1,
  ScheduleChanged: 1,
  ScheduleDeleted: 1,
  ScheduleMissed: 1,
  ScheduleSkipped: 1,
  ScheduleRebased: 1,
  ScheduleFired: 1,
  ScheduleCompleted: 1,
  AlertTargetAdded: 1,
  AlertTargetChanged: 1,
  AlertTargetRemoved: 1,
  AlertTargetTested: 1,
  AlertDelivered: 1,
  AlertDeliveryFailed: 1,
  AlertReplayed: 1,
  IntegrityCheckStarted: 1,
  IntegrityCheckCompleted: 1,
};
