import { scratchFile, type BackupKeeper } from "../backup/backup-keeper.ts";
import type { Scratch } from "../backup/backup-store.ts";
import type {
  RehearsalResult,
  StepRequest,
  StepResult,
  StepScript,
} from "../engine/database-engine.ts";
import type { Dialects } from "../engine/dialect.ts";
import type { ExecutorSession } from "../engine/executor.ts";
import type { DomainEvent, RecordedEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { DomainError, type Failure } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { outcomeKey, type Recorder } from "../shared/recorder.ts";
import type { Policy } from "../database/events.ts";
import type { DatabaseState, RunState } from "../state/state.ts";
import type { Direction, StepRef } from "./events.ts";
import type { RunControl } from "./run-control.ts";
import { appliedIn } from "./applied-versions.ts";
import { stepsTogether, type Together } from "./brief-steps.ts";
import { PreparedSteps, type PreparedStep } from "./prepared-steps.ts";
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
  readonly dialects: Dialects;
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
  /** The database is small (`SMALL_BYTES`). */
  readonly isOnSmall?: boolean;
}

/** A step whose intent is recorded and which was sent to the engine. */
interface SentStep extends PreparedStep {
  readonly ref: StepRef;
  readonly request: StepRequest;
}

/** Steps that were sent together. */
interface Sent {
  readonly steps: readonly SentStep[];
  readonly isBrief: boolean;
  readonly results: Promise<readonly StepResult[]>;
  /** Place of the first step behind them. */
  readonly next: number;
}

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
 * share commits. Brief steps go to the engine together, and while they run the next ones are recorded
 * and sent: neither process waits for the other, or for each other's disk.
 */
export class StepRunner {
  readonly #deps: StepDependencies;
  readonly #job: Job;
  readonly #tables: TableSaver;
  /** Events that are written with the next intent or by `conclude`. */
  #carried: DomainEvent[] = [];
  /** Attempts whose outcomes are among the carried events. */
  #carriedAttempts: string[] = [];
  /** How long the slowest of the last steps took. */
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
    const once = this.#carriedAttempts.map(outcomeKey);
    this.#carried = [];
    this.#carriedAttempts = [];
    if (all.length === 0) return [];
    const { database, context } = this.#job;
    return this.#deps.recorder.record(database.id, all, context, { once });
  }

  /** Runs the steps in order; throws at the first that does not succeed, its outcome recorded. */
  async run(session: ExecutorSession, steps: readonly StepToRun[]): Promise<void> {
    const { database } = this.#job;
    const { ledger, dialects } = this.#deps;
    const dialect = dialects(database.engine);
    const prepared = new PreparedSteps(steps, { database, ledger, dialect });
    let sent = await this.#start(session, prepared, 0, 0);
    while (sent !== undefined) {
      const ahead: Sent | undefined = await this.#sendBehind(session, prepared, sent);
      const { next, steps: last } = ahead ?? sent;
      prepared.readAhead(next, last.length);
      await this.#end(sent, ahead);
      sent = ahead ?? (await this.#start(session, prepared, next, last.length));
    }
  }

  async #start(
    session: ExecutorSession,
    prepared: PreparedSteps,
    at: number,
    before: number,
  ): Promise<Sent | undefined> {
    if (at >= prepared.steps.length) return undefined;
    const { control } = this.#job;
    if (control.stop !== undefined) await this.conclude();
    control.checkpoint();
    return this.#send(session, await this.#together(prepared, at, before), at, undefined);
  }

  /** Sends the next steps behind those that run, if both are brief. */
  async #sendBehind(
    session: ExecutorSession,
    prepared: PreparedSteps,
    sent: Sent,
  ): Promise<Sent | undefined> {
    if (!sent.isBrief || sent.next >= prepared.steps.length) return undefined;
    const next = await this.#together(prepared, sent.next, sent.steps.length);
    return next.isBrief ? this.#send(session, next, sent.next, sent.steps.at(-1)) : undefined;
  }

  async #together(prepared: PreparedSteps, at: number, before: number): Promise<Together> {
    const { database, control } = this.#job;
    // A limit is counted from when a step was sent.
    const free = control.stop === undefined && database.policy.stepTimeoutMs === undefined;
    if (free) return stepsTogether(prepared, at, before, this.#lastMs);
    return { steps: [await prepared.at(at)], isBrief: false };
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

  /** Records the intents, with what is carried, and sends the steps: behind `before` if it runs. */
  async #send(
    session: ExecutorSession,
    { steps: chosen, isBrief }: Together,
    at: number,
    before: SentStep | undefined,
  ): Promise<Sent> {
    const { run, control } = this.#job;
    const refs = chosen.map(({ step: { version, direction } }): StepRef => {
      return { runId: run.id, attempt: this.#deps.ids.uuid(), version, direction };
    });
    const events = chosen.map((step, i) => startedEvent(step, refs[i]!, run.planDigest));
    const intents = (await this.conclude(...events)).slice(-chosen.length);
    const steps: SentStep[] = [];
    for (const [i, step] of chosen.entries()) {
      const last = steps.at(-1) ?? before;
      const request = await this.#request(step, refs[i]!, intents[i]!, last);
      steps.push({ ...step, ref: refs[i]!, request });
    }
    control.enterStep();
    const requests = steps.map(({ request }) => request);
    const results = this.#limited(session, steps.length, () =>
      session.engine.applySteps(requests),
    ).finally(() => control.leaveStep());
    // Whoever waits for them hears of the failure; nobody may come to wait.
    results.catch(() => {});
    return { steps, isBrief, results, next: at + steps.length };
  }

  /** Waits for steps. If one was not applied, those behind it were not begun. */
  async #end(sent: Sent, ahead: Sent | undefined): Promise<void> {
    const results = await this.#carryOutcomes(sent);
    const failed = results.find((result) => result.status === "failed");
    if (failed === undefined) {
      this.#lastMs = Math.max(...results.map(durationOf));
      return;
    }
    await this.conclude();
    if (ahead !== undefined) {
      await this.#carryOutcomes(ahead);
      await this.conclude();
    }
    throw new StepNotApplied(failed.error, failed.state === "unknown");
  }

  async #carryOutcomes({ steps, results: ending }: Sent): Promise<readonly StepResult[]> {
    const results = await ending;
    for (const [i, { ref, request }] of steps.entries()) {
      const result = results[i]!;
      this.#carried.push(...(await this.#tables.outcome(request.tableBackup, result)));
      this.#carried.push(outcomeEvent(ref, result));
      this.#carriedAttempts.push(ref.attempt);
    }
    return results;
  }

  async #request(
    { step, script, destroys }: PreparedStep,
    ref: StepRef,
    intent: RecordedEvent,
    before: SentStep | undefined,
  ): Promise<StepRequest> {
    const { database, run } = this.#job;
    const { attempt } = ref;
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
      expectedBefore: before === undefined ? database.fingerprint! : before.step.expectedAfter,
      appliedBefore: before === undefined ? appliedIn(database) : null,
      expectedAfter: step.expectedAfter,
      lockTimeoutMs: LOCK_TIMEOUT,
      ...lockWaitOf(database.policy),
      tableBackup: destroys.length === 0 ? null : await this.#tables.prepare(destroys, attempt),
    };
  }
}

const startedEvent = (
  { script, place }: PreparedStep,
  ref: StepRef,
  planDigest: string,
): DomainEvent => {
  const { name, checksum, transaction } = script;
  return {
    type: "StepStarted",
    data: { ...ref, name, checksum, planDigest, transaction, ...place },
  };
};

const durationOf = (result: StepResult): number =>
  result.status === "done" ? result.durationMs : 0;

const lockWaitOf = ({ lockWaitMs }: Policy): Pick<StepRequest, "lockWaitMs"> =>
  lockWaitMs === undefined ? {} : { lockWaitMs };
