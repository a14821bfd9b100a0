import type { DomainEvent, EventType } from "../events.ts";

/**
 * Members of events that hold what people write in their own words, and names. They are of whoever
 * acts, except a key's name: that is of the key's holder.
 */
const PERSONAL: { readonly [T in EventType]?: readonly string[] } = {
  KeyIssued: ["name"],
  KeyRevoked: ["reason"],
  KeyRotated: ["reason"],
  KeyRetired: ["reason"],
  SubjectErased: ["reason"],
  MigrationWithdrawn: ["reason"],
  DeviationAccepted: ["reason"],
  HistoryImported: ["reason"],
  MigrationAdopted: ["row", "claimed"],
  RunRequested: ["reason", "ticket"],
  RunApproved: ["comment"],
  RunRejected: ["reason"],
  RestoreApproved: ["comment"],
  RestoreRejected: ["reason"],
  PolicyChanged: ["reason"],
  PolicyChangeRequested: ["reason"],
  PolicyChangeApproved: ["comment"],
  PolicyChangeRejected: ["reason"],
  PolicyChangeCancelled: ["reason"],
  RunCancelled: ["reason"],
  ApprovalWithdrawn: ["comment"],
  EmergencyReviewed: ["comment"],
  TestEvidenceRecorded: ["reference"],
  StepResolved: ["reason"],
  RestoreRequested: ["reason"],
  RestoreCancelRequested: ["reason"],
  PruneRequested: ["reason"],
  LegalHoldPlaced: ["reason"],
  LegalHoldReleased: ["reason"],
  DatabaseRecoveryRequested: ["reason"],
  LedgerRestored: ["reason"],
  ScrubRequested: ["reason"],
  DrillRequested: ["reason"],
  DriftResolved: ["reason"],
  DatabaseReleased: ["reason"],
  DatabaseRetired: ["reason"],
  ScheduleCreated: ["reason"],
  ScheduleChanged: ["reason"],
  ScheduleDeleted: ["reason"],
  AlertTargetRemoved: ["reason"],
  AlertReplayed: ["reason"],
};

/** The members of an event that are sealed. */
export const personalMembers = (type: EventType): readonly string[] => PERSONAL[type] ?? [];

/** Whose they are: an actor's pseudonym. */
export const subjectOf = (event: DomainEvent, actorId: string): string =>
  event.type === "KeyIssued" ? event.data.actorId : actorId;
