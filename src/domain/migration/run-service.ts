import { mayEnd } from "../recovery/recovery-service.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { OnFailure } from "../database/events.ts";
import { usable, type Background } from "../backup/backup-service.ts";
import type { DomainEvent } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict, DomainError, InvalidInput, NotFound } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import { decide, onBehalf, type Recorder } from "../shared/recorder.ts";
import type { Page } from "../state/entity-query.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RunState, RunStatus } from "../state/state.ts";
import type { RollbackStrategy, RunEvents } from "./events.ts";
import { planMigrate, planRollback, type Plan } from "./plan.ts";
import { RunControl } from "./run-control.ts";
import type { RunDriver } from "./run-driver.ts";

export interface RunRequest {
  readonly to?: string;
  readonly reason?: string;
  readonly ticket?: string;
  /** Refuses the run unless the plan is still the one with this digest. */
  readonly planDigest?: string;
  readonly rehearse?: boolean;
  readonly onFailure?: OnFailure;
}

/** Absent members do not narrow. */
export interface RunFilter {
  readonly status?: RunStatus;
}

export interface RollbackRequest {
  readonly to: string;
  readonly strategy?: RollbackStrategy;
  readonly reason: string;
}

type Requested = Omit<RunEvents["RunRequested"], "runId" | "kind" | "to" | "steps" | "planDigest">;

/** Accepts, cancels and answers for runs; a `RunDriver` executes them. */
export class RunService {
  readonly #databases: DatabaseService;
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #driver: RunDriver;
  readonly #background: Background;
  readonly #digest: Digest;
  readonly #ids: Ids;
  readonly #controls = new Map<string, RunControl>();

  constructor(
    databases: DatabaseService,
    projection: Projection,
    recorder: Recorder,
    driver: RunDriver,
    background: Background,
    digest: Digest,
    ids: Ids,
  ) {
    this.#databases = databases;
    this.#projection = projection;
    this.#recorder = recorder;
    this.#driver = driver;
    this.#background = background;
    this.#digest = digest;
    this.#ids = ids;
  }

  /**
   * Plans and records the run; it is executed when its turn on the database comes. Errors:
   * `Conflict` plan-changed | plan-refused | database-quarantined | database-retired.
   */
  async request(name: string, input: RunRequest, context: Context): Promise<RunState> {
    return this.#accept(name, context, (database) => {
      const plan = planMigrate(database, input.to, this.#digest);
      if (input.planDigest !== undefined && input.planDigest !== plan.planDigest)
        throw new Conflict("plan-changed", "The plan is no longer the one with this digest", {
          hint: `POST /v1/databases/${database.name}/plans shows the present one`,
          details: { submitted: input.planDigest, present: plan.planDigest },
        });
      const { reason, ticket, onFailure = database.policy.onFailure } = input;
      const rehearse = input.rehearse ?? database.policy.rehearse;
      return { plan, requested: withoutAbsent({ reason, ticket, rehearse, onFailure }) };
    });
  }

  /** Undoes every applied version above `to`. Errors as `request`; `InvalidInput` no-down-script. */
  async rollBack(name: string, input: RollbackRequest, context: Context): Promise<RunState> {
    return this.#accept(name, context, (database) => {
      const plan = planRollback(database, input.to, this.#digest);
      const { reason, strategy = "auto" } = input;
      if (strategy === "down" && !plan.reversible)
        throw new InvalidInput("no-down-script", "A version to undo has no down script", {
          hint: "Use strategy restore or auto",
        });
      const { onFailure } = database.policy;
      return { plan, requested: withoutAbsent({ reason, strategy, rehearse: true, onFailure }) };
    });
  }

  /**
   * Ends a queued run at once; kills the executor of a running one and lets recovery find what
   * became of its step. Error: `Conflict` run-ended | run-not-cancellable.
   */
  async cancel(runId: string, reason: string, context: Context): Promise<RunState> {
    const run = await this.find(runId);
    if (run.ended !== null)
      throw new Conflict("run-ended", `The run has already ended: ${run.status}`);
    const control = this.#controls.get(runId);
    if (control?.uninterruptible === true)
      throw new Conflict("run-not-cancellable", "The run is restoring or undoing steps", {
        hint: "Wait for its end",
      });
    if (control?.withdraw() === true) return this.#cancelQueued(run, reason, context);
    control?.cancel(reason);
    return this.waitForEnd(run, CANCEL_WAIT);
  }

  /** Error: `NotFound` run-not-found. */
  async find(runId: string): Promise<RunState> {
    const run = await this.#projection.find("runs", runId);
    if (run !== undefined) return run;
    throw new NotFound("run-not-found", `There is no run ${runId}`, {
      hint: "GET /v1/runs lists them",
    });
  }

  /** Runs, newest first; of one database if it is named. */
  list(
    { database, ...filter }: RunFilter & { readonly database?: string },
    page: Page,
  ): Promise<readonly RunState[]> {
    const databaseId = database === undefined ? undefined : this.#databases.find(database).id;
    return this.#projection.list("runs", withoutAbsent({ ...filter, databaseId, ...page }));
  }

  /** Waits until the run has ended, or `ms` milliseconds. Returns it as it is then. */
  async waitForEnd(run: RunState, ms: number): Promise<RunState> {
    await this.#projection.until(() => run.ended !== null, ms);
    return run;
  }

  /**
   * Takes up what an earlier process left: recovers every database with open intents, ends the
   * runs that were under way, queues those that had not begun. Does not wait for their end.
   */
  resume(context: Context): void {
    const { databases, runs } = this.#projection.state;
    for (const database of databases.values()) {
      if (database.retired !== null) continue;
      this.#enqueue(database, () => this.#recover(database, context));
      for (const runId of database.openRuns) {
        const run = runs.get(runId)!;
        if (run.status === "queued") this.#queue(database, runId, onBehalf(context, runId, runId));
      }
    }
  }

  /** Lets steps in progress end, gives up everything else. The caller then waits for the jobs. */
  shutDown(): void {
    for (const control of this.#controls.values()) control.shutDown();
  }

  async #accept(
    name: string,
    context: Context,
    plan: (database: DatabaseState) => { plan: Plan; requested: Requested },
  ): Promise<RunState> {
    const runId = this.#ids.uuid();
    const database = await decide(async () => {
      const found = runnable(this.#databases.find(name));
      const { streamVersion } = found;
      const event = requestEvent(runId, plan(found));
      const own = { ...context, correlation: runId };
      await this.#recorder.record(found.id, [event], own, { expected: streamVersion });
      return found;
    });
    this.#queue(database, runId, onBehalf(context, runId, runId));
    return this.find(runId);
  }

  /** Several may cancel at once: a run ends once. */
  async #cancelQueued(run: RunState, reason: string, context: Context): Promise<RunState> {
    const data = { runId: run.id, reason, outcome: "untouched", durationMs: 0 } as const;
    const own = { ...context, correlation: run.id };
    try {
      await this.#recorder.record(run.databaseId, [{ type: "RunCancelled", data }], own, {
        once: `cancelled:${run.id}`,
      });
    } catch (error) {
      if (!hasCode(error, "outcome-recorded-already")) throw error;
    }
    return run;
  }

  #queue(database: DatabaseState, runId: string, context: Context): void {
    const control = new RunControl();
    this.#controls.set(runId, control);
    this.#enqueue(database, async () => {
      try {
        await this.#driver.drive(runId, control, context);
      } finally {
        this.#controls.delete(runId);
      }
    });
  }

  /** While a writer that is only slow holds the lock nothing is known: it is asked again. */
  async #recover(database: DatabaseState, context: Context): Promise<void> {
    try {
      await this.#driver.recover(database, context);
    } catch (error) {
      if (!hasCode(error, "database-locked")) throw error;
      this.#enqueue(database, () => this.#recover(database, context));
    }
  }

  #enqueue(database: DatabaseState, work: () => Promise<void>): void {
    const { jobs, report } = this.#background;
    void jobs.run(database.id, work).catch((error: unknown) => {
      // What could not begin any more is taken up by the next start.
      if (!hasCode(error, "service-stopping")) report(error);
    });
  }
}

/** How long a cancel request waits for the run's end before it answers, ms. */
const CANCEL_WAIT = 10_000;

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof DomainError && error.code === code;

function runnable(database: DatabaseState): DatabaseState {
  const { quarantine } = usable(database);
  if (quarantine === null || mayEnd(database)) return database;
  throw new Conflict(
    "database-quarantined",
    `Database ${database.name} is quarantined (${quarantine.code}): ${quarantine.reason}`,
    { hint: `POST /v1/databases/${database.name}/restores brings a verified backup back` },
  );
}

function requestEvent(
  runId: string,
  { plan, requested }: { plan: Plan; requested: Requested },
): DomainEvent {
  const errors = plan.findings.filter(({ severity }) => severity === "error");
  if (errors.length > 0)
    throw new Conflict("plan-refused", errors[0]!.message, {
      hint: errors[0]!.hint,
      details: { findings: errors },
    });
  const { kind, to, steps, planDigest } = plan;
  return { type: "RunRequested", data: { runId, kind, to, steps, planDigest, ...requested } };
}
