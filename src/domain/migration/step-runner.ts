import { scratchFile, type BackupKeeper } from "../backup/backup-keeper.ts";
import type { Scratch } from "../backup/backup-store.ts";
import type {
  RehearsalResult,
  StepRequest,
  StepResult,
  StepScript,
} from "../engine/database-engine.ts";
import type { Dialect } from "../engine/dialect.ts";
import type { ExecutorSession } from "../engine/executor.ts";
import type { DomainEvent, RecordedEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { DomainError, type Failure } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { outcomeKey, type Recorder } from "../shared/recorder.ts";
import type { DatabaseState, RunState } from "../state/state.ts";
import type { Direction, StepRef } from "./events.ts";
import type { RunControl } from "./run-control.ts";
import { appliedAfter, appliedIn } from "./applied-versions.ts";
import { isPlain, PreparedSteps, type PreparedStep } from "./prepared-steps.ts";
import { limited } from "./step-limit.ts";
import { outcomeEvent } from "./step-outcome.ts";
import { scriptOf } from "./step-scripts.ts";
import { TableSaver } from "./table-saver.ts";

/** How long a step waits for other writers of the database, ms. */
const LOCK_TIMEOUT = 30_000;

export interface StepDependencies {
  readonly ledger: Ledger;
  readonly recorder: Recorder;
  readonly keeper: BackupKeeper;
  readonly dialect: Dialect;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly ids: Ids;
}

/** One step to run, and the fingerprint it must lead to (null: any). */
export interface StepToRun {
  readonly version: string;
  readonly direction: Direction;
  readonly expectedAfter: string | null;
  /** How long it took on the restored copy. */
  readonly rehearsedMs?: number;
}

/** A step whose intent is recorded and which was sent to the engine. */
interface SentStep extends PreparedStep {
  readonly ref: StepRef;
  readonly request: StepRequest;
  readonly result: Promise<StepResult>;
}

/** Longer steps are never waited for by another: their intents tell when they began. */
const BRIEF_MS = 50;

/** Who and what a run's steps belong to. */
export interface Job {
  readonly run: RunState;
  readonly database: DatabaseState;
  readonly control: RunControl;
  readonly context: Context;
}

/** A step ended without success and its outcome is recorded. */
export class StepNotApplied extends DomainError {
  /** The engine could not prove what state the database is in. */
  readonly unknown: boolean;

  constructor({ code, message, hint, statement }: Failure, unknown: boolean) {
    super(code, message, { hint, details: statement === undefined ? {} : { statement } });
    this.unknown = unknown;
  }
}

/**
 * Runs the steps of one run: durable intent, then the engine, then the outcome. Outcomes and intents
 * share commits. While steps are brief, the intent of the next is recorded, and the step sent, while
 * the one before it runs: it commits only when that one's outcome is on record.
 */
export class StepRunner {
  readonly #deps: StepDependencies;
  readonly #job: Job;
  readonly #tables: TableSaver;
  /** Events that are written with the next intent or by `conclude`. */
  #carried: DomainEvent[] = [];
  /** Attempt whose outcome is among the carried events. */
  #carriedAttempt: string | undefined;
  /** How long the last step took. */
  #lastMs = Infinity;

  constructor(deps: StepDependencies, job: Job) {
    this.#deps = deps;
    this.#job = job;
    this.#tables = new TableSaver(deps, job);
  }

  /** Passed to the session: records copied tables while the step holds the lock. */
  get tables(): TableSaver {
    return this.#tables;
  }

  /** Adds events to be recorded before, and together with, the next intent. */
  carry(...events: readonly DomainEvent[]): void {
    this.#carried.push(...events);
  }

  /** Records what is carried, and `events` with it. */
  async conclude(...events: readonly DomainEvent[]): Promise<readonly RecordedEvent[]> {
    const all = [...this.#carried, ...events];
    const attempt = this.#carriedAttempt;
    this.#carried = [];
    this.#carriedAttempt = undefined;
    if (all.length === 0) return [];
    const { recorder } = this.#deps;
    const { database, context } = this.#job;
    const once = attempt === undefined ? {} : { once: outcomeKey(attempt) };
    return recorder.record(database.id, all, context, once);
  }

  /** Runs the steps in order; throws at the first that does not succeed, its outcome recorded. */
  async run(session: ExecutorSession, steps: readonly StepToRun[]): Promise<void> {
    const { database } = this.#job;
    const { ledger, dialect } = this.#deps;
    const prepared = new PreparedSteps(steps, { database, ledger, dialect });
    let ahead: SentStep | undefined;
    for (const at of steps.keys()) {
      const current: SentStep = ahead ?? (await this.#start(session, prepared, at));
      ahead = await this.#startNext(session, prepared, at + 1, current);
      prepared.readAhead(ahead === undefined ? at + 1 : at + 2);
      await this.#end(current, ahead);
    }
  }

  async #start(session: ExecutorSession, prepared: PreparedSteps, at: number): Promise<SentStep> {
    if (this.#job.control.stop !== undefined) await this.conclude();
    this.#job.control.checkpoint();
    return this.#send(session, await prepared.at(at), undefined);
  }

  /** Sends the next step behind the one that runs, or lets that one go on without a next. */
  async #startNext(
    session: ExecutorSession,
    prepared: PreparedSteps,
    at: number,
    current: SentStep,
  ): Promise<SentStep | undefined> {
    const step = prepared.steps[at];
    if (step !== undefined && this.#isBrief(current.step) && this.#isBrief(step)) {
      const next = await prepared.at(at);
      if (isPlain(current) && isPlain(next)) return this.#send(session, next, current);
    }
    const { follows } = current.request;
    if (follows === null) return undefined;
    await this.conclude();
    session.recorded(follows);
    return undefined;
  }

  #isBrief({ rehearsedMs }: StepToRun): boolean {
    const { policy } = this.#job.database;
    // A limit is counted from when the step was sent.
    const free = this.#job.control.stop === undefined && policy.stepTimeoutMs === undefined;
    return free && (rehearsedMs ?? this.#lastMs) <= BRIEF_MS;
  }

  /** Executes the steps on the restored copy. Nothing is recorded here. */
  async rehearse(
    session: ExecutorSession,
    scratch: Scratch,
    steps: readonly StepToRun[],
    again: readonly StepToRun[] = [],
  ): Promise<RehearsalResult> {
    const scripts = await Promise.all(steps.map((step) => this.#script(step)));
    const ups = await Promise.all(again.map((step) => this.#script(step)));
    const request = {
      scratchPath: scratchFile(scratch),
      steps: scripts,
      expectedAfter: steps.map(({ expectedAfter }) => expectedAfter),
      ...(ups.length === 0 ? {} : { again: ups }),
    };
    // A statement without end must not get past the limit by being rehearsed first.
    return this.#limited(session, scripts.length + ups.length, () =>
      session.engine.rehearse(request),
    );
  }

  #limited<T>(session: ExecutorSession, steps: number, work: () => Promise<T>): Promise<T> {
    const { stepTimeoutMs } = this.#job.database.policy;
    return limited(session, this.#deps.clock, stepTimeoutMs, steps, work);
  }

  #script(step: StepToRun): Promise<StepScript> {
    return scriptOf(this.#job.database, this.#deps.ledger, step);
  }

  /** Records the intent, with what is carried, and sends the step: behind `before` if it runs. */
  async #send(
    session: ExecutorSession,
    prepared: PreparedStep,
    before: SentStep | undefined,
  ): Promise<SentStep> {
    const { version, direction } = prepared.step;
    const { name, checksum, transaction } = prepared.script;
    const { id: runId, planDigest } = this.#job.run;
    const ref: StepRef = { runId, attempt: this.#deps.ids.uuid(), version, direction };
    const intent = (
      await this.conclude({
        type: "StepStarted",
        data: { ...ref, name, checksum, planDigest, transaction, ...prepared.place },
      })
    ).at(-1)!;
    const request = await this.#request(prepared, ref, intent, before);
    const { control } = this.#job;
    control.enterStep();
    const result = this.#limited(session, 1, () => session.engine.applyStep(request)).finally(() =>
      control.leaveStep(),
    );
    // Whoever waits for it hears of the failure; nobody may come to wait.
    result.catch(() => {});
    return { ...prepared, ref, request, result };
  }

  /** Waits for a step. If it was not applied, the one sent behind it was not begun. */
  async #end(sent: SentStep, ahead: SentStep | undefined): Promise<void> {
    const result = await this.#carryOutcome(sent);
    if (result.status === "done") {
      this.#lastMs = result.durationMs;
      return;
    }
    await this.conclude();
    if (ahead !== undefined) {
      await this.#carryOutcome(ahead);
      await this.conclude();
    }
    throw new StepNotApplied(result.error, result.state === "unknown");
  }

  async #carryOutcome({ ref, request, result: ending }: SentStep): Promise<StepResult> {
    const result = await ending;
    this.#carried.push(...(await this.#tables.outcome(request.tableBackup, result)));
    this.#carried.push(outcomeEvent(ref, result));
    this.#carriedAttempt = ref.attempt;
    return result;
  }

  async #request(
    { step, script, destroys }: PreparedStep,
    ref: StepRef,
    intent: RecordedEvent,
    before: SentStep | undefined,
  ): Promise<StepRequest> {
    const { database, run } = this.#job;
    const { attempt } = ref;
    const applied = appliedIn(database);
    return {
      ...script,
      attempt,
      planDigest: run.planDigest,
      token: intent.index,
      intentIndex: intent.index,
      intentLeafHash: this.#deps.digest.hex(intent.leafHash),
      checkpoint: this.#deps.ledger.newestCheckpoint()?.note ?? null,
      at: intent.time,
      follows: before?.ref.attempt ?? null,
      // With the intent, what was carried: the outcome of the step that `before` follows.
      recorded: before?.request.follows ?? null,
      expectedBefore: before === undefined ? database.fingerprint! : before.step.expectedAfter,
      appliedBefore: before === undefined ? applied : appliedAfter(applied, before.ref),
      expectedAfter: step.expectedAfter,
      lockTimeoutMs: LOCK_TIMEOUT,
      tableBackup: destroys.length === 0 ? null : await this.#tables.prepare(destroys, attempt),
    };
  }
}
