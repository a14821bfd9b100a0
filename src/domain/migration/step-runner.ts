import { scratchFile, type BackupKeeper } from "../backup/backup-keeper.ts";
import type { Scratch } from "../backup/backup-store.ts";
import type {
  RehearsalResult,
  StepRequest,
  StepResult,
  StepScript,
  TableBackupRequest,
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
 * Runs the steps of one run: durable intent, then the engine, then the outcome. The outcome of a
 * step and the intent of the next are written in one commit; nothing touches the database between.
 */
export class StepRunner {
  readonly #deps: StepDependencies;
  readonly #job: Job;
  readonly #tables: TableSaver;
  /** Events that are written with the next intent or by `conclude`. */
  #carried: DomainEvent[] = [];
  /** Attempt whose outcome is among the carried events. */
  #carriedAttempt: string | undefined;

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
    for (const [i, step] of steps.entries()) {
      if (this.#job.control.stop !== undefined) await this.conclude();
      this.#job.control.checkpoint();
      await this.#runOne(session, step, i + 1, steps.length);
    }
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
    return this.#bounded(session, scripts.length + ups.length, () =>
      session.engine.rehearse(request),
    );
  }

  async #runOne(
    session: ExecutorSession,
    step: StepToRun,
    position: number,
    of: number,
  ): Promise<void> {
    const script = await this.#script(step);
    const attempt = this.#deps.ids.uuid();
    const ref: StepRef = {
      runId: this.#job.run.id,
      attempt,
      version: step.version,
      direction: step.direction,
    };
    const { name, checksum, transaction } = script;
    const { planDigest } = this.#job.run;
    const intent = (
      await this.conclude({
        type: "StepStarted",
        data: { ...ref, name, checksum, planDigest, transaction, position, of },
      })
    ).at(-1)!;
    const request = await this.#request(script, attempt, intent, step);
    this.#job.control.enterStep();
    let result: StepResult;
    try {
      result = await this.#bounded(session, 1, () => session.engine.applyStep(request));
    } finally {
      this.#job.control.leaveStep();
    }
    this.#carried.push(...(await this.#tables.outcome(request.tableBackup, result)));
    this.#carried.push(outcomeEvent(ref, result));
    this.#carriedAttempt = attempt;
    if (result.status === "done") return;
    await this.conclude();
    throw new StepNotApplied(result.error, result.state === "unknown");
  }

  /** Kills the executor when so many steps take longer than the policy allows. */
  async #bounded<T>(session: ExecutorSession, steps: number, work: () => Promise<T>): Promise<T> {
    const { stepTimeoutMs } = this.#job.database.policy;
    const result = work();
    if (stepTimeoutMs === undefined) return result;
    const limit = stepTimeoutMs * steps;
    let over = false;
    let running = true;
    void this.#deps.clock.sleep(limit).then(() => {
      over = running;
      if (running) session.kill("step timeout");
    });
    try {
      return await result;
    } catch (error) {
      if (!over) throw error;
      throw new DomainError(
        "step-timeout",
        `${steps === 1 ? "The step" : "The rehearsed steps"} took longer than ${limit} ms`,
        {
          hint: "Raise stepTimeoutMs in the database's policy, or split the migration",
        },
      );
    } finally {
      running = false;
    }
  }

  async #request(
    script: StepScript,
    attempt: string,
    intent: RecordedEvent,
    step: StepToRun,
  ): Promise<StepRequest> {
    const { database, run } = this.#job;
    return {
      ...script,
      attempt,
      planDigest: run.planDigest,
      token: intent.index,
      intentIndex: intent.index,
      intentLeafHash: this.#deps.digest.hex(intent.leafHash),
      checkpoint: this.#deps.ledger.newestCheckpoint()?.note ?? null,
      at: intent.time,
      expectedBefore: database.fingerprint!,
      appliedBefore: appliedIn(database),
      expectedAfter: step.expectedAfter,
      lockTimeoutMs: LOCK_TIMEOUT,
      tableBackup: await this.#tableBackup(script, attempt),
    };
  }

  async #tableBackup(script: StepScript, attempt: string): Promise<TableBackupRequest | null> {
    const { destroys } = this.#deps.dialect.analyze(script);
    return destroys.length === 0 ? null : this.#tables.prepare(destroys, attempt);
  }

  async #script({ version, direction }: StepToRun): Promise<StepScript> {
    const migration = this.#job.database.migrations.get(version)!;
    const { name, checksum, transaction, allow } = migration;
    const sql = await this.#text(direction === "up" ? migration.up : migration.down, version);
    const script = { version, name, direction, checksum, sql, transaction, allow };
    if (migration.verify === undefined || direction === "down") return script;
    return { ...script, verify: await this.#text(migration.verify, version) };
  }

  async #text(digest: string | undefined, version: string): Promise<string> {
    const text = digest === undefined ? undefined : await this.#deps.ledger.content(digest);
    if (text !== undefined) return text;
    throw new DomainError("script-missing", `Version ${version} has no script for this direction`);
  }
}

const appliedIn = ({ migrations }: DatabaseState): string[] =>
  [...migrations.values()].filter(({ state }) => state === "applied").map(({ version }) => version);

function outcomeEvent(ref: StepRef, result: StepResult): DomainEvent {
  if (result.status === "failed") {
    const { error, state, findings } = result;
    return { type: "StepFailed", data: { ...ref, error, state, findings } };
  }
  const { status: _done, tableBackup: _saved, ...facts } = result;
  const data = { ...ref, ...facts };
  return ref.direction === "up" ? { type: "StepApplied", data } : { type: "StepReverted", data };
}
