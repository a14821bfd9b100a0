import type { EventHandlers, Recorded } from "../event-handlers.ts";
import { handle } from "../event-handlers.ts";
import { databaseIdOf, type EventData, type RecordedEvent } from "../../events.ts";
import type { Concerns } from "../../governance/events.ts";
import type { Change, ChangeBackup, ChangeStep, Evidence, Ending, StepOutcome } from "./change.ts";
import type { Scripts } from "./scripts.ts";

type StepEnd = "StepFailed" | "StepAborted" | "StepUnknown" | "StepResolved";

/** Collects what events say of runs. Events must come in order. */
export class ChangeCollector {
  readonly #changes = new Map<string, Change>();
  /** Steps and backups by what later events call them. */
  readonly #steps = new Map<string, ChangeStep>();
  readonly #backups = new Map<string, ChangeBackup>();
  readonly #restores = new Map<string, Change["restores"][number]>();
  readonly #checks = new Map<string, Change>();
  /** Each definition once, however many steps went back and forth over it. */
  readonly #definitions = new Map<string, string>();
  readonly #first: number;
  readonly #scripts: Scripts;

  /** `first` is the index with which the period begins. */
  constructor(first: number, scripts: Scripts) {
    this.#first = first;
    this.#scripts = scripts;
  }

  add(event: RecordedEvent): void {
    handle(this.#handlers, event);
  }

  /** Whether the run's request was seen. */
  has(runId: string): boolean {
    return this.#changes.has(runId);
  }

  get(runId: string): Change | undefined {
    return this.#changes.get(runId);
  }

  /** In order of request. */
  all(): readonly Change[] {
    return [...this.#changes.values()].toSorted((a, b) => a.requested.index - b.requested.index);
  }

  readonly #handlers: EventHandlers = {
    RunRequested: (event) => this.#request(event),
    RunScheduled: (event) => {
      const { at, cause } = event.data;
      this.#of(event)?.scheduled.push({ ...evidence(event), at, cause });
    },
    RunApproved: (event) => {
      const { meaning, planDigest } = event.data;
      this.#of(event)?.approvals.push({ ...evidence(event), meaning, planDigest, ended: null });
    },
    ApprovalWithdrawn: (event) => {
      const own = ({ actor, ended }: Change["approvals"][number]): boolean =>
        actor === event.actor.id && ended === null;
      const approval = this.#of(event)?.approvals.find(own);
      if (approval !== undefined) approval.ended = event.index;
    },
    ApprovalExpired: (event) => {
      const { approvals } = event.data;
      for (const approval of this.#of(event)?.approvals ?? [])
        if (approvals.includes(approval.index)) approval.ended = event.index;
    },
    ApprovalRefused: (event) => {
      this.#of(event)?.refusals.push({ ...evidence(event), code: event.data.code });
    },
    EmergencyReviewed: (event) => {
      const { verdict, comment } = event.data;
      this.#set(event, { review: { ...evidence(event), verdict, comment } });
    },
    RunStarted: (event) => {
      const { tool, host, instance } = event.context;
      const executor = { tool: tool.version, host, instance };
      this.#set(event, { started: evidence(event), executor });
    },
    RehearsalCompleted: (event) => {
      const { backupId, outcome, durationMs, lossless = null } = event.data;
      this.#set(event, {
        rehearsal: { ...evidence(event), backupId, outcome, durationMs, lossless },
      });
    },
    BackupStarted: (event) => this.#backup(event),
    BackupCompleted: (event) => {
      const { backupId, sha256, bytes } = event.data;
      const backup = this.#backups.get(backupId);
      if (backup !== undefined) backup.completed = { ...evidence(event), sha256, bytes };
    },
    // Scrubs and restores verify a backup again, long after the step that it had to be there for.
    BackupVerified: (event) => {
      const backup = this.#backups.get(event.data.backupId);
      if (backup !== undefined) backup.verified ??= evidence(event);
    },
    BackupFailed: (event) => {
      const backup = this.#backups.get(event.data.backupId);
      if (backup !== undefined) backup.failed = evidence(event);
    },
    BackupVerificationFailed: (event) => {
      const backup = this.#backups.get(event.data.backupId);
      if (backup !== undefined) backup.failed = evidence(event);
    },
    StepStarted: (event) => this.#step(event),
    StepApplied: (event) => this.#committed(event),
    StepReverted: (event) => this.#committed(event),
    StepFailed: (event) => this.#ended(event, { error: event.data.error }),
    StepAborted: (event) => this.#ended(event, { reason: event.data.reason }),
    StepUnknown: (event) => this.#ended(event, { reason: event.data.reason }),
    StepResolved: (event) => this.#ended(event, { reason: event.data.reason }),
    RestoreRequested: (event) => this.#restore(event),
    RestoreCompleted: (event) => {
      const restore = this.#restores.get(event.data.restoreId);
      if (restore !== undefined) restore.ended = { ...evidence(event), outcome: "completed" };
    },
    RestoreFailed: (event) => {
      const restore = this.#restores.get(event.data.restoreId);
      if (restore !== undefined) restore.ended = { ...evidence(event), outcome: "failed" };
    },
    IntegrityCheckStarted: ({ data: { checkId, runId } }) => {
      const change = runId === undefined ? undefined : this.#changes.get(runId);
      if (change !== undefined) this.#checks.set(checkId, change);
    },
    IntegrityCheckCompleted: (event) => {
      const { checkId, status } = event.data;
      this.#checks.get(checkId)?.checks.push({ ...evidence(event), status });
      this.#checks.delete(checkId);
    },
    RunCompleted: (event) => {
      const outcome = event.data.versions.length === 0 ? "nothing-to-do" : "done";
      this.#end(event, { outcome, error: null, durationMs: event.data.durationMs });
    },
    RunFailed: (event) => {
      const { outcome, error, durationMs } = event.data;
      this.#end(event, { outcome, error, durationMs });
    },
    RunCancelled: (event) => {
      const { outcome, reason, durationMs } = event.data;
      this.#end(event, { outcome, error: { code: "cancelled", message: reason }, durationMs });
    },
    RunRejected: (event) => {
      const error = { code: "rejected", message: event.data.reason };
      this.#end(event, { outcome: "untouched", error, durationMs: null });
    },
  };

  #of({ data }: { readonly data: Pick<Concerns, "runId"> }): Change | undefined {
    return data.runId === undefined ? undefined : this.#changes.get(data.runId);
  }

  #set(
    event: { readonly data: Pick<Concerns, "runId"> },
    members: Partial<Pick<Change, "started" | "executor" | "rehearsal" | "review" | "ended">>,
  ): void {
    const change = this.#of(event);
    if (change !== undefined) Object.assign(change, members);
  }

  #request(event: Recorded<"RunRequested">): void {
    const databaseId = databaseIdOf(event.stream)!;
    const { data } = event;
    this.#changes.set(data.runId, {
      runId: data.runId,
      databaseId,
      kind: data.kind,
      to: data.to,
      carriedOver: event.index < this.#first,
      requested: evidence(event),
      rehearsalOnly: data.rehearsalOnly ?? false,
      reason: data.reason ?? null,
      ticket: data.ticket ?? null,
      class: classOf(data),
      risk: data.risk ?? "ordinary",
      planDigest: data.planDigest,
      plan: data.steps.map((step) => this.#scripts.planned(databaseId, step, event.index)),
      approvalsNeeded: data.approvalsNeeded ?? 0,
      reviewBy: data.reviewBy ?? null,
      approvals: [],
      refusals: [],
      scheduled: [],
      started: null,
      rehearsal: null,
      tests: this.#scripts.testsOf(databaseId, data.planDigest),
      backups: [],
      steps: [],
      restores: [],
      checks: [],
      recoveries: [],
      ended: null,
      review: null,
      executor: null,
    });
  }

  #backup(event: Recorded<"BackupStarted">): void {
    const { backupId, purpose, runId } = event.data;
    const change = runId === undefined ? undefined : this.#changes.get(runId);
    if (change === undefined) return;
    const open = { completed: null, verified: null, failed: null };
    const backup: ChangeBackup = { backupId, purpose, started: evidence(event), ...open };
    change.backups.push(backup);
    this.#backups.set(backupId, backup);
  }

  #restore(event: Recorded<"RestoreRequested">): void {
    const { restoreId, backupId, runId } = event.data;
    const change = runId === undefined ? undefined : this.#changes.get(runId);
    if (change === undefined) return;
    const restore = { restoreId, backupId, requested: evidence(event), ended: null };
    change.restores.push(restore);
    this.#restores.set(restoreId, restore);
  }

  #step(event: Recorded<"StepStarted">): void {
    const { attempt, version, name, checksum, direction, runId } = event.data;
    const change = this.#changes.get(runId);
    if (change === undefined) return;
    const what = { attempt, version, name, checksum, direction };
    const step: ChangeStep = { ...what, intent: evidence(event), outcome: null };
    change.steps.push(step);
    this.#steps.set(attempt, step);
  }

  #committed(event: Recorded<"StepApplied" | "StepReverted">): void {
    const { fingerprintBefore, fingerprintAfter, rows, statements, durationMs } = event.data;
    const { schemaChanges, recovered } = event.data;
    this.#conclude(event.data.attempt, {
      type: event.type,
      ...evidence(event),
      fingerprintBefore,
      fingerprintAfter,
      durationMs,
      statements,
      rows,
      schemaChanges: schemaChanges.map(({ change, type, name, before, after }) => ({
        change,
        type,
        name,
        before: this.#definition(before?.sql),
        after: this.#definition(after?.sql),
      })),
      ...(recovered === undefined ? {} : { recovered }),
    });
  }

  #definition(sql: string | undefined): string | null {
    if (sql === undefined) return null;
    const known = this.#definitions.get(sql);
    if (known === undefined) this.#definitions.set(sql, sql);
    return known ?? sql;
  }

  #ended(event: Recorded<StepEnd>, why: Pick<StepOutcome, "error" | "reason">): void {
    this.#conclude(event.data.attempt, { type: event.type, ...evidence(event), ...why });
  }

  #conclude(attempt: string, outcome: StepOutcome): void {
    const step = this.#steps.get(attempt);
    if (step !== undefined) step.outcome = outcome;
    if (outcome.type !== "StepUnknown") this.#steps.delete(attempt);
  }

  #end(
    event: Recorded<Ending["type"]>,
    { outcome, error, durationMs }: Pick<Ending, "outcome" | "error" | "durationMs">,
  ): void {
    this.#set(event, {
      ended: { type: event.type, ...evidence(event), outcome, error, durationMs },
    });
  }
}

/** Where an event is and who caused it. */
export const evidence = ({ index, time, actor }: RecordedEvent): Evidence => ({
  index,
  time,
  actor: actor.id,
});

const classOf = ({ emergency, exception }: EventData["RunRequested"]): Change["class"] =>
  emergency === true ? "emergency" : exception === true ? "exception" : "normal";
