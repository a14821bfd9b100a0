import { refuseChangedHistories } from "../adoption/unchanged-histories.ts";
import type { BackupFacts } from "../backup/events.ts";
import { BackupKeeper } from "../backup/backup-keeper.ts";
import type { Scratch } from "../backup/backup-store.ts";
import type { ExecutorSession } from "../engine/executor.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { DomainEvent } from "../events.ts";
import type { IntegrityService } from "../integrity/integrity-service.ts";
import type { RecoveryService } from "../recovery/recovery-service.ts";
import { diffSchema } from "../schema/schema.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict, DomainError } from "../shared/errors.ts";
import { onBehalf } from "../shared/recorder.ts";
import type { Tracer } from "../shared/tracer.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RunState } from "../state/state.ts";
import { NotAdmitted, recordBeginning, type Admit } from "./beginning.ts";
import { SMALL_BYTES } from "./brief-steps.ts";
import { planMigrate, planRollback, BEFORE_ALL } from "./plan.ts";
import { rehearsalEvent, rehearsalFailed, rehearseBothWays } from "./rehearsal.ts";
import type { Rollback } from "./rollback.ts";
import { RunControl } from "./run-control.ts";
import type { RunFailures } from "./run-failures.ts";
import { StepRunner, type Job, type StepDependencies, type StepToRun } from "./step-runner.ts";

export interface DriverDependencies extends StepDependencies {
  readonly projection: Projection;
  readonly sessions: Sessions;
  readonly recovery: RecoveryService;
  readonly integrity: IntegrityService;
  readonly failures: RunFailures;
  readonly rollback: Rollback;
  readonly tracer: Tracer;
}

/** A run under way: its session and the runner of its steps. */
export interface Execution extends Job {
  readonly session: ExecutorSession;
  readonly steps: StepRunner;
  readonly began: number;
  /** Records the run's beginning and its first intent. Error: NotAdmitted. */
  readonly begin: (...events: readonly DomainEvent[]) => Promise<void>;
}

/** Executes runs, one at a time on each database (the caller holds its turn). */
export class RunDriver {
  readonly #deps: DriverDependencies;

  constructor(deps: DriverDependencies) {
    this.#deps = deps;
  }

  /**
   * Executes a queued run to its end; whatever happens is recorded as the run's outcome. A run that
   * is not admitted any more when everything is prepared waits on.
   */
  async drive(run: RunState, control: RunControl, context: Context, admit: Admit): Promise<void> {
    // A run that was cancelled meanwhile has ended.
    if (run.started !== null || run.ended !== null) return;
    if (!control.begin()) return;
    const database = this.#deps.projection.state.databases.get(run.databaseId)!;
    const job: Job = { run, database, control, context };
    const about = { "schemaledger.run": run.id, "schemaledger.database": database.name };
    await this.#deps.tracer.span(`run ${run.kind}`, about, (fail) => this.#drive(job, admit, fail));
  }

  async #drive(job: Job, admit: Admit, fail: (error: unknown) => void): Promise<void> {
    const { database, control, context } = job;
    const began = this.#deps.clock.elapsed();
    try {
      await this.#settle(database, "before-work", context);
      refuseQuarantined(database);
      control.checkpoint();
      await this.#execute(job, began, admit);
    } catch (error) {
      if (error instanceof NotAdmitted && control.giveBack()) return;
      fail(error);
      await this.#deps.failures.end(job, error, began);
    }
  }

  /** After a start: gives open intents their outcome and ends the runs that were under way. */
  async recover(database: DatabaseState, context: Context): Promise<void> {
    await this.#settle(database, "start", context);
  }

  async #settle(
    database: DatabaseState,
    reason: "start" | "before-work",
    context: Context,
  ): Promise<void> {
    await this.#deps.recovery.settle(database, reason, context);
    for (const runId of database.openRuns) {
      const run = this.#deps.projection.state.runs.get(runId)!;
      if (run.status !== "running") continue;
      const own = onBehalf(context, runId, runId);
      const job: Job = { run, database, control: new RunControl(), context: own };
      await this.#deps.failures.end(job, interrupted(), this.#deps.clock.elapsed());
    }
  }

  async #execute(job: Job, began: number, admit: Admit): Promise<void> {
    const steps = new StepRunner(this.#deps, job);
    const { run, database, control } = job;
    const session = await this.#deps.sessions.open(database, run.id, (saved) =>
      steps.tables.saved(saved),
    );
    control.attach(session);
    const begin = async (...events: readonly DomainEvent[]): Promise<void> => {
      await recordBeginning(this.#deps, job, admit, events);
    };
    const execution: Execution = { ...job, session, steps, began, begin };
    let restore: (() => Promise<void>) | undefined;
    try {
      const started = await this.#begin(execution);
      if (run.steps.length === started.skipped.length)
        return await execution.begin(started.event, this.#unchanged(execution));
      if (run.rehearsalOnly) return await this.#rehearseOnly(execution, started.event);
      if (run.kind === "migrate") await this.#migrate(execution, started.event);
      else restore = await this.#deps.rollback.undo(execution, started.event);
      if (restore === undefined) await this.#conclude(execution, session);
    } finally {
      control.attach(undefined);
      await session.close();
    }
    if (restore === undefined) return;
    await restore();
    await this.#deps.sessions.use(database, run.id, (fresh) => this.#conclude(execution, fresh));
  }

  /** Compares the database with the ledger and the plan with the present state. */
  async #begin({ run, database, session, context }: Execution) {
    const live = await session.engine.schema();
    if (live.fingerprint !== database.fingerprint) {
      const expected = database.fingerprint!;
      const differences = diffSchema(database.schema, live.schema);
      const data = { expected, found: live.fingerprint, differences, runId: run.id };
      await this.#deps.recorder.record(database.id, [{ type: "DriftDetected", data }], context);
      throw drifted(database.name);
    }
    await refuseChangedHistories(database, session.engine, this.#deps.digest);
    const skipped = this.#skipped(run, database);
    const event: DomainEvent = {
      type: "RunStarted",
      data: {
        runId: run.id,
        fingerprint: live.fingerprint,
        ...(skipped.length === 0 ? {} : { skipped }),
        ...(database.policy.backup === "none" ? { withoutBackup: true } : {}),
      },
    };
    return { event, skipped };
  }

  /** Versions that an earlier run has done meanwhile; what is left must be today's plan. */
  #skipped(run: RunState, database: DatabaseState): string[] {
    const done = run.kind === "migrate";
    const isDone = (version: string): boolean =>
      (database.migrations.get(version)?.state === "applied") === done;
    const skipped = run.steps.map(({ version }) => version).filter(isDone);
    const left = run.steps.map(({ version }) => version).filter((v) => !isDone(v));
    const plan = done
      ? planMigrate(database, run.to ?? undefined, this.#deps.digest)
      : planRollback(database, run.to ?? BEFORE_ALL, this.#deps.digest);
    const isOther = plan.steps.map(({ version }) => version).join("\n") !== left.join("\n");
    // Others have agreed to exactly one plan on exactly one schema.
    const isOtherThanApproved = run.approvalsNeeded > 0 && plan.planDigest !== run.planDigest;
    if (left.length > 0 && (isOther || isOtherThanApproved))
      throw new Conflict(
        "plan-outdated",
        "What is pending has changed since the run was requested",
        {
          hint: "Request the run again",
        },
      );
    return skipped;
  }

  /** The end of a run that changed nothing. */
  #unchanged({ run, database, began }: Execution): DomainEvent {
    return {
      type: "RunCompleted",
      data: {
        runId: run.id,
        fingerprint: database.fingerprint!,
        durationMs: this.#since(began),
        versions: [],
      },
    };
  }

  async #migrate(execution: Execution, started: DomainEvent): Promise<void> {
    const { run, database, steps, session, control } = execution;
    if (database.policy.backup === "none") {
      await execution.begin(started);
      return steps.run(session, stepsUp(run, false));
    }
    const facts = await this.#backUp(execution, started);
    control.checkpoint();
    let todo = stepsUp(run, facts.bytes <= SMALL_BYTES);
    const scratch = await this.#deps.keeper.store.scratch(run.id);
    try {
      await this.#verify(execution, facts, scratch);
      control.checkpoint();
      if (run.rehearse) todo = await this.#rehearse(execution, facts.backupId, scratch, todo);
    } finally {
      await scratch.dispose();
    }
    await steps.run(session, todo);
  }

  /** The database itself is not changed: what the plan would do is the outcome. */
  async #rehearseOnly(execution: Execution, started: DomainEvent): Promise<void> {
    const { run, database, session, steps, control } = execution;
    const facts = await this.#backUp(execution, started);
    const scratch = await this.#deps.keeper.store.scratch(run.id);
    try {
      await this.#verify(execution, facts, scratch);
      control.checkpoint();
      const began = this.#deps.clock.elapsed();
      const { todo, result } = await rehearseBothWays(run, database, (ups, again) =>
        steps.rehearse(session, scratch, ups, again),
      );
      const event = rehearsalEvent(run.id, facts.backupId, todo, result, this.#since(began));
      if (event.data.outcome === "failed") {
        await steps.conclude(event);
        throw rehearsalFailed(event.data.error!);
      }
      await steps.conclude(event, this.#unchanged(execution));
    } finally {
      await scratch.dispose();
    }
  }

  /** The backup before every run: without it the run does not go on. */
  async #backUp(
    { run, database, session, begin, context }: Execution,
    started: DomainEvent,
  ): Promise<BackupFacts> {
    const backupId = this.#deps.ids.uuid();
    await begin(started, BackupKeeper.intent(backupId, "run", "full", { runId: run.id }));
    return this.#deps.keeper.save(session, database, backupId, context);
  }

  async #verify(execution: Execution, facts: BackupFacts, scratch: Scratch): Promise<void> {
    const { session, database, context, steps } = execution;
    steps.carry(await this.#deps.keeper.verify(session, database, facts, scratch, context));
  }

  async #rehearse(
    { run, steps, session }: Execution,
    backupId: string,
    scratch: Scratch,
    todo: StepToRun[],
  ): Promise<StepToRun[]> {
    const began = this.#deps.clock.elapsed();
    const result = await steps.rehearse(session, scratch, todo);
    const event = rehearsalEvent(run.id, backupId, todo, result, this.#since(began));
    if (event.data.outcome === "failed") {
      await steps.conclude(event);
      throw rehearsalFailed(event.data.error!);
    }
    steps.carry(event);
    return todo.map((step, i) => {
      const { fingerprintAfter: expectedAfter, durationMs: rehearsedMs } = event.data.steps[i]!;
      return { ...step, expectedAfter, rehearsedMs };
    });
  }

  /** Integrity check after the last step; then the run is complete. */
  async #conclude(execution: Execution, session: ExecutorSession): Promise<void> {
    const { run, database, steps, began } = execution;
    const intent = this.#deps.integrity.intent("quick", run.id);
    await steps.conclude(intent);
    const outcome = await this.#deps.integrity.carryOut(
      database,
      intent.data.checkId,
      "quick",
      session,
    );
    if (outcome.data.status !== "passed") {
      await steps.conclude(outcome);
      const worst = outcome.data.findings.find(({ severity }) => severity === "error");
      throw new DomainError(
        "integrity-check-failed",
        `The integrity check after the last step ${outcome.data.status}: ${worst?.message ?? ""}`,
      );
    }
    await steps.conclude(outcome, {
      type: "RunCompleted",
      data: {
        runId: run.id,
        fingerprint: database.fingerprint!,
        durationMs: this.#since(began),
        versions: run.steps.map(({ version }) => version),
      },
    });
  }

  #since(began: number): number {
    return Math.round(this.#deps.clock.elapsed() - began);
  }
}

const stepsUp = ({ steps }: RunState, isOnSmall: boolean): StepToRun[] =>
  steps.map(({ version, direction }) => ({ version, direction, expectedAfter: null, isOnSmall }));

function refuseQuarantined({ name, quarantine }: DatabaseState): void {
  if (quarantine !== null)
    throw new Conflict("database-quarantined", `${quarantine.code}: ${quarantine.reason}`, {
      hint: `POST /v1/databases/${name}/restores brings a verified backup back`,
    });
}

const drifted = (name: string): DomainError =>
  new Conflict("drift", "The schema is not the one the ledger knows; the run was not started", {
    hint: `Undo the change made outside Schemaledger, or restore a backup of ${name}; the event DriftDetected lists the differences`,
  });

const interrupted = (): DomainError =>
  new DomainError("interrupted", "The process ended while the run was under way", {
    hint: "Request the run again; what it had applied is recorded",
  });
