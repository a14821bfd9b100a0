import { databaseIdOf, type EventType, type RecordedEvent } from "../../events.ts";
import { handle, type EventHandlers } from "../event-handlers.ts";
import { evidence } from "./change-collector.ts";
import { standingApprovals, statusOf, type Change, type Evidence } from "./change.ts";

/** Something an auditor will want to ask about. */
export interface Exception extends Evidence {
  /** Stable kebab-case. */
  readonly kind: string;
  readonly databaseId: string | null;
  readonly runId: string | null;
  readonly text: string;
}

/** Notes what is out of the ordinary, while the events of a period pass. */
export class ExceptionCollector {
  readonly #found: Exception[] = [];

  add(event: RecordedEvent): void {
    handle(this.#handlers, event);
  }

  /** In order of the events; of the changes in a wrong way of their own too, and `others`. */
  all(
    changes: readonly Change[],
    periodEnd: string,
    others: readonly Exception[],
  ): readonly Exception[] {
    const own = changes.flatMap((change) => exceptionsOf(change, periodEnd));
    return [...this.#found, ...own, ...others].toSorted((a, b) => a.index - b.index);
  }

  readonly #handlers: EventHandlers = {
    ApprovalRefused: (event) =>
      this.#note(
        event,
        event.data.code === "self-approval" ? "self-approval-attempt" : "refused-decision",
        `${event.data.decision} was refused: ${event.data.code}`,
      ),
    ApprovalWithdrawn: (event) =>
      this.#note(event, "voided-approval", "An approval was taken back"),
    ApprovalExpired: (event) => this.#note(event, "voided-approval", "Approvals were too old"),
    StepUnknown: (event) =>
      this.#note(event, "step-unknown", `Version ${event.data.version}: ${event.data.reason}`),
    StepResolved: (event) =>
      this.#note(event, "step-resolved", `Version ${event.data.version}: ${event.data.decision}`),
    StepAborted: (event) =>
      this.#note(event, "step-aborted", `Version ${event.data.version}: ${event.data.reason}`),
    DriftDetected: (event) =>
      this.#note(event, "drift", `${event.data.differences.length} differences from the ledger`),
    DriftResolved: (event) =>
      this.#note(event, "drift-resolved", `${event.data.decision}: ${event.data.reason}`),
    DatabaseQuarantined: (event) => this.#note(event, "quarantined", event.data.reason),
    DatabaseReleased: (event) => this.#note(event, "released", event.data.reason),
    BackupFailed: (event) => this.#note(event, "backup-failed", event.data.error.message),
    BackupVerificationFailed: (event) =>
      this.#note(event, "backup-damaged", event.data.error.message),
    RestoreCompleted: (event) =>
      this.#note(event, "restored", `Backup ${event.data.backupId} was brought back`),
    ServiceStarted: (event) => {
      const text = "The service before it did not end in order";
      if (event.data.after === "crash") this.#note(event, "service-died", text);
    },
    SubjectErased: (event) => this.#note(event, "subject-erased", event.data.reason),
    LedgerContinued: (event) => this.#note(event, "ledger-continued", event.data.reason),
    // One with a cause repeats the event before it.
    AlertRaised: (event) => {
      if (event.data.cause === undefined) this.#note(event, "alert", event.data.message);
    },
    EmergencyReviewed: (event) => {
      const text = event.data.comment ?? "Whoever reviewed the emergency objected";
      if (event.data.verdict === "objected") this.#note(event, "review-objected", text);
    },
    PruneFailed: (event) => this.#note(event, "prune-failed", event.data.error.message),
    BackupPruned: (event) => this.#note(event, "backup-pruned", event.data.backupId),
    LegalHoldReleased: (event) => this.#note(event, "hold-released", event.data.reason),
    AccessRefused: (event) => this.#note(event, "access-refused", event.data.code),
    RestoreFailed: (event) => this.#note(event, "restore-failed", event.data.error.message),
    RestoreRejected: (event) => this.#note(event, "restore-rejected", event.data.reason),
    PolicyChangeRejected: (event) => this.#note(event, "policy-change-rejected", event.data.reason),
    IntegrityCheckCompleted: (event) => {
      if (event.data.status !== "passed")
        this.#note(event, `check-${event.data.status}`, event.data.findings[0]?.message ?? "");
    },
    KeyIssued: (event) => this.#note(event, "key-issued", event.data.roles.join(", ")),
    KeyRevoked: (event) => this.#note(event, "key-revoked", event.data.reason),
    KeyRotated: (event) => this.#note(event, "signing-key-rotated", event.data.reason),
    KeyRetired: (event) => this.#note(event, "signing-key-retired", event.data.reason),
    PolicyChanged: (event) =>
      this.#note(event, "policy-changed", Object.keys(event.data.policy).toSorted().join(", ")),
    MigrationWithdrawn: (event) =>
      this.#note(event, "withdrawn", `Version ${event.data.version}: ${event.data.reason}`),
    DeviationAccepted: (event) => {
      const { version, deviation, reason } = event.data;
      this.#note(event, "deviation-accepted", `Version ${version}, ${deviation}: ${reason}`);
    },
    MigrationRefused: (event) =>
      this.#note(event, "migration-refused", `Version ${event.data.version}: ${event.data.code}`),
    HistoryImported: (event) => {
      const { rows, tool, findings } = event.data;
      const text = `${rows} rows of ${tool}, taken at their word; ${findings.length} findings`;
      this.#note(event, "history-imported", text);
    },
    TestEvidenceRecorded: (event) => {
      const { environment, result } = event.data;
      if (result === "failed") this.#note(event, "test-failed", `A plan failed in ${environment}`);
    },
    ScrubCompleted: (event) => {
      const { status, damaged, unread } = event.data;
      const text = `${damaged.length} backups damaged, ${unread.length} not read`;
      if (status !== "passed") this.#note(event, `scrub-${status}`, text);
    },
    DrillCompleted: (event) => {
      const { status, findings } = event.data;
      const text = findings[0]?.message ?? "There is no verified backup to restore";
      if (status !== "passed") this.#note(event, `drill-${status}`, text);
    },
    DatabaseRecoveryFailed: (event) =>
      this.#note(event, "recovery-failed", event.data.error.message),
    ScheduleMissed: (event) =>
      this.#note(event, "schedule-missed", `${event.data.count} times since ${event.data.first}`),
    LedgerBackupFailed: (event) =>
      this.#note(event, "ledger-backup-failed", event.data.error.message),
    LedgerRestored: (event) => this.#note(event, "ledger-restored", event.data.reason),
    AuditReadsChanged: (event) => this.#note(event, "audit-reads-changed", event.data.reads),
    BackupKeyChanged: (event) =>
      this.#note(event, "backup-key-changed", event.data.keyId ?? "not encrypted any more"),
    BackupStoreChanged: (event) =>
      this.#note(event, "backup-store-changed", event.data.place?.url ?? "the data directory"),
  };

  #note<T extends EventType>(
    event: Extract<RecordedEvent, { type: T }>,
    kind: string,
    text: string,
  ): void {
    const { data } = event as RecordedEvent;
    const runId = "runId" in data && typeof data.runId === "string" ? data.runId : null;
    const databaseId = databaseIdOf(event.stream) ?? null;
    this.#found.push({ kind, ...evidence(event), databaseId, runId, text });
  }
}

/** What is out of the ordinary with a change as a whole. */
export function exceptionsOf(change: Change, periodEnd: string): Exception[] {
  const found: Exception[] = [];
  const { databaseId, runId, requested, ended, started } = change;
  const note = (kind: string, at: Evidence, text: string): void => {
    const { index, time, actor } = at;
    found.push({ kind, index, time, actor, databaseId, runId, text });
  };
  const status = statusOf(change);
  if (ended !== null && status !== "succeeded")
    note(`run-${status}`, ended, `${ended.outcome}: ${ended.error?.message ?? ""}`);
  if (change.class === "exception")
    note("outside-window", requested, "May begin outside the window and during a freeze");
  if (change.class === "emergency") note("emergency", requested, "Began without approvals");
  if (lacksReview(change, periodEnd))
    note("review-missing", requested, `Should have been reviewed by ${change.reviewBy}`);
  if (started !== null && standingApprovals(change).length < change.approvalsNeeded)
    note("approvals-missing", started, "Began with fewer approvals than the policy asks for");
  const [step] = change.steps;
  if (step !== undefined && change.rehearsal === null)
    note("not-rehearsed", step.intent, "A step began without a rehearsal");
  if (step !== undefined && !change.backups.some(({ verified }) => isBefore(verified, step.intent)))
    note("no-verified-backup", step.intent, "A step began without a verified backup of the run");
  if (change.steps.some(({ outcome }) => outcome?.recovered === true))
    note("recovered", ended ?? requested, "Recovery found what became of a step");
  return found;
}

const isBefore = (evidenceOf: Evidence | null, other: Evidence): boolean =>
  evidenceOf !== null && evidenceOf.index < other.index;

const lacksReview = ({ review, reviewBy }: Change, periodEnd: string): boolean =>
  reviewBy !== null && review === null && reviewBy < periodEnd;
