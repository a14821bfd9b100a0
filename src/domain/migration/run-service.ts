import { rehearses } from "../database/policy.ts";
import { refuseFull } from "../database/queue.ts";
import { mayEnd } from "../recovery/recovery-service.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { OnFailure } from "../database/events.ts";
import { usable, type Background } from "../backup/backup-service.ts";
import type { DomainEvent } from "../events.ts";
import type { ApprovalService, Decision, Review } from "../governance/approval-service.ts";
import { demandsOn, type Circumstances, type Demands } from "../governance/demands.ts";
import type { RiskAssessor } from "../governance/risk.ts";
import { asRequester } from "../governance/as-requester.ts";
import type { Gate } from "../governance/gate.ts";
import type { MigrationTrust } from "../trust/migration-trust.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict, DomainError, InvalidInput, NotFound } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import { decide, onBehalf, type Recorder } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RunState } from "../state/state.ts";
import type { RollbackStrategy, RunEvents } from "./events.ts";
import { planMigrate, type Plan } from "./plan.ts";
import { plannedRollback, type RollbackRequest } from "./rollback-request.ts";
import { RunControl } from "./run-control.ts";
import type { RunDriver } from "./run-driver.ts";

export interface RunRequest extends Circumstances {
  readonly to?: string;
  readonly ticket?: string;
  /** Refuses the run unless the plan is still the one with this digest. */
  readonly planDigest?: string;
  readonly rehearse?: boolean;
  readonly onFailure?: OnFailure;
}

/** What is recorded of a request beside its plan and the policy's demands. */
type Requested = Pick<
  RunEvents["RunRequested"],
  | "reason"
  | "ticket"
  | "rehearse"
  | "onFailure"
  | "strategy"
  | "restores"
  | "rehearsalOnly"
  | "withDown"
>;

export interface RunServiceParts {
  readonly databases: DatabaseService;
  readonly projection: Projection;
  readonly recorder: Recorder;
  readonly driver: RunDriver;
  readonly background: Background;
  readonly digest: Digest;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly risk: RiskAssessor;
  readonly approvals: ApprovalService;
  readonly trust: MigrationTrust;
}

/** Accepts, cancels and answers for runs; a `RunDriver` executes them. */
export class RunService {
  readonly #parts: RunServiceParts;
  readonly #controls = new Map<string, RunControl>();

  constructor(parts: RunServiceParts) {
    this.#parts = parts;
  }

  /**
   * Plans and records the run; it is executed when its turn on the database comes. Errors:
   * `Conflict` plan-changed | plan-refused | database-quarantined | database-retired.
   */
  async request(name: string, input: RunRequest, context: Context): Promise<RunState> {
    return this.#accept(name, input, context, (database) => {
      const plan = planMigrate(database, input.to, this.#parts.digest);
      if (input.planDigest !== undefined && input.planDigest !== plan.planDigest)
        throw new Conflict("plan-changed", "The plan is no longer the one with this digest", {
          hint: `POST /v1/databases/${database.name}/plans shows the present one`,
          details: { submitted: input.planDigest, present: plan.planDigest },
        });
      const { reason, ticket, onFailure = database.policy.onFailure } = input;
      const rehearse = rehearses(database.policy, input.rehearse);
      return { plan, requested: withoutAbsent({ reason, ticket, rehearse, onFailure }) };
    });
  }

  /**
   * Executes the plan on a restored copy of a fresh verified backup; the database is not changed,
   * so nobody needs to approve it. Errors as `request`; `InvalidInput` no-down-script.
   */
  async rehearse(
    name: string,
    { to, withDown = false }: { readonly to?: string; readonly withDown?: boolean },
    context: Context,
  ): Promise<RunState> {
    return this.#accept(name, undefined, context, (database) => {
      rehearses(database.policy, true);
      const plan = planMigrate(database, to, this.#parts.digest);
      if (withDown && !plan.reversible)
        throw new InvalidInput("no-down-script", "A pending version has no down script", {
          hint: "Rehearse without withDown, or register the migration with a down script",
        });
      const requested = { rehearse: true, rehearsalOnly: true };
      return { plan, requested: withDown ? { ...requested, withDown } : requested };
    });
  }

  /** Undoes every applied version above `to`. Errors as `request`; `InvalidInput` no-down-script. */
  async rollBack(name: string, input: RollbackRequest, context: Context): Promise<RunState> {
    const { projection, digest } = this.#parts;
    return this.#accept(name, input, context, (database) =>
      plannedRollback(database, input, digest, projection.state.backups.values()),
    );
  }

  /**
   * Ends a queued run at once; kills the executor of a running one and lets recovery find what
   * became of its step. Error: `Conflict` run-ended | run-not-cancellable.
   */
  async cancel(runId: string, reason: string, context: Context): Promise<RunState> {
    const run = await this.find(runId);
    // A stop of what somebody decides on would be forgotten when the decision is recorded.
    for (let held = this.#heldBy(runId); held !== undefined; held = this.#heldBy(runId)) await held;
    if (run.ended !== null)
      throw new Conflict("run-ended", `The run has already ended: ${run.status}`);
    const control = this.#controls.get(runId);
    if (control?.uninterruptible === true)
      throw new Conflict("run-not-cancellable", "The run is restoring or undoing steps", {
        hint: "Wait for its end",
      });
    if (control === undefined && run.started === null)
      return this.#holding(runId, () => this.#cancelQueued(run, reason, context));
    if (control?.withdraw() === true) return this.#cancelQueued(run, reason, context);
    control?.cancel(reason);
    return this.waitForEnd(run, CANCEL_WAIT);
  }

  /** Takes a person's decision on a run that has not begun. Errors: those of `ApprovalService`. */
  async decide(runId: string, decision: Decision, context: Context): Promise<RunState> {
    const run = await this.find(runId);
    try {
      await this.#holding(runId, () => this.#parts.approvals.decide(run, decision, context));
    } catch (error) {
      // Its turn may have come while it was held.
      await this.#proceed(run, context);
      throw error;
    }
    return this.#proceed(run, context);
  }

  /** Takes the review of an emergency run. Errors: those of `ApprovalService`. */
  async review(runId: string, review: Review, context: Context): Promise<RunState> {
    const run = await this.find(runId);
    await this.#parts.approvals.review(run, review, context);
    return run;
  }

  /** Error: `NotFound` run-not-found. */
  async find(runId: string): Promise<RunState> {
    const run = await this.#parts.projection.find("runs", runId);
    if (run !== undefined) return run;
    throw new NotFound("run-not-found", `There is no run ${runId}`, {
      hint: "GET /v1/runs lists them",
    });
  }

  /** Waits until the run has ended, or `ms` milliseconds. Returns it as it is then. */
  async waitForEnd(run: RunState, ms: number): Promise<RunState> {
    await this.#parts.projection.until(() => run.ended !== null, ms);
    return run;
  }

  /**
   * Takes up what an earlier process left: recovers every database with open intents, ends the
   * runs that were under way, queues those that had not begun. Does not wait for their end.
   */
  resume(context: Context): void {
    const { databases, runs } = this.#parts.projection.state;
    for (const database of databases.values()) {
      if (database.retired !== null) continue;
      this.#enqueue(database, () => this.#recover(database, context));
      for (const runId of database.openRuns) {
        const run = runs.get(runId)!;
        if (run.status === "queued") this.#queue(run, onBehalf(context, runId, runId));
      }
    }
  }

  /** Lets the run begin if it may; what it waits for is recorded. */
  async #proceed(run: RunState, context: Context): Promise<RunState> {
    const own = onBehalf(context, run.id, run.id);
    if (await this.#parts.gate.admit(run, own)) this.take(run, own);
    return run;
  }

  /** Lets steps in progress end, gives up everything else. The caller then waits for the jobs. */
  shutDown(): void {
    this.#parts.gate.stop();
    for (const control of this.#controls.values()) control.shutDown();
  }

  async #accept(
    name: string,
    circumstances: Circumstances | undefined,
    context: Context,
    plan: (database: DatabaseState) => { plan: Plan; requested: Requested },
  ): Promise<RunState> {
    const runId = this.#parts.ids.uuid();
    await decide(async () => {
      const found = runnable(this.#parts.databases.find(name));
      const { streamVersion } = found;
      const planned = plan(found);
      const { steps } = planned.plan;
      const { strategy } = planned.requested;
      await this.#parts.trust.refuseNotTaken(found, scriptsOf({ steps, strategy }));
      const risk = await this.#parts.risk.riskOf(found, planned.plan);
      const now = this.#parts.clock.now();
      const demands =
        circumstances === undefined ? {} : demandsOn(circumstances, found.policy, risk, now);
      const event = requestEvent(runId, planned, demands);
      const own = { ...context, correlation: runId };
      await this.#parts.recorder.record(found.id, [event], own, { expected: streamVersion });
    });
    return this.#proceed(await this.find(runId), context);
  }

  /** The run cannot begin while `work` decides on it. Error: `Conflict` run-started. */
  async #holding<T>(runId: string, work: () => Promise<T>): Promise<T> {
    const waiting = this.#controls.get(runId);
    const control = waiting ?? new RunControl();
    if (!control.hold())
      throw new Conflict("run-started", "The run has begun, or somebody else decides on it", {
        hint: `POST /v1/runs/${runId}/cancel stops a run`,
      });
    if (waiting === undefined) this.#controls.set(runId, control);
    try {
      return await work();
    } finally {
      control.release();
      if (waiting === undefined) this.#controls.delete(runId);
    }
  }

  #heldBy(runId: string): Promise<void> | undefined {
    return this.#controls.get(runId)?.held;
  }

  /** Queues what may begin, unless it is queued already. */
  take(run: RunState, context: Context): void {
    if (this.#controls.has(run.id) || run.ended !== null) return;
    this.#queue(run, context);
  }

  /** Several may cancel at once: a run ends once. */
  async #cancelQueued(run: RunState, reason: string, context: Context): Promise<RunState> {
    const data = { runId: run.id, reason, outcome: "untouched", durationMs: 0 } as const;
    const own = { ...context, correlation: run.id };
    const database = this.#parts.databases.find(run.databaseId);
    await decide(async () => {
      const { streamVersion: expected } = database;
      if (run.ended !== null) return;
      const event = { type: "RunCancelled", data } as const;
      await this.#parts.recorder.record(database.id, [event], own, { expected });
    });
    return run;
  }

  #queue(run: RunState, by: Context): void {
    const context = asRequester(this.#parts.projection.state, run, by);
    const control = new RunControl();
    this.#controls.set(run.id, control);
    const database = this.#parts.databases.find(run.databaseId);
    this.#enqueue(database, async () => {
      try {
        // Its turn may come after the window closed, or after an approval was taken back.
        const { gate, driver, trust } = this.#parts;
        const admit = (): Promise<boolean> => gate.admit(run, context);
        if (await admit())
          await driver.drive(run, control, context, async () => {
            await trust.refuseNotTaken(database, scriptsOf(run));
            return admit();
          });
      } finally {
        this.#controls.delete(run.id);
      }
    });
  }

  /** While a writer that is only slow holds the lock nothing is known: it is asked again. */
  async #recover(database: DatabaseState, context: Context): Promise<void> {
    try {
      await this.#parts.driver.recover(database, context);
    } catch (error) {
      if (!hasCode(error, "database-locked")) throw error;
      this.#enqueue(database, () => this.#recover(database, context));
    }
  }

  #enqueue(database: DatabaseState, work: () => Promise<void>): void {
    const { jobs, report } = this.#parts.background;
    void jobs.run(database.id, work).catch((error: unknown) => {
      // What could not begin any more is taken up by the next start.
      if (!hasCode(error, "service-stopping")) report(error);
    });
  }
}

/** How long a cancel request waits for the run's end before it answers, ms. */
const CANCEL_WAIT = 10_000;

/** The versions whose scripts would be executed: a restore executes none. */
const scriptsOf = ({
  steps,
  strategy,
}: {
  readonly steps: readonly { readonly version: string }[];
  readonly strategy?: RollbackStrategy | undefined;
}): string[] => (strategy === "restore" ? [] : steps.map(({ version }) => version));

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof DomainError && error.code === code;

function runnable(database: DatabaseState): DatabaseState {
  const { quarantine } = refuseFull(usable(database));
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
  demands: Demands,
): DomainEvent {
  const errors = plan.findings.filter(({ severity }) => severity === "error");
  if (errors.length > 0)
    throw new Conflict("plan-refused", errors[0]!.message, {
      hint: errors[0]!.hint,
      details: { findings: errors },
    });
  const { kind, to, steps, planDigest } = plan;
  return {
    type: "RunRequested",
    data: { runId, kind, to, steps, planDigest, ...requested, ...demands },
  };
}
