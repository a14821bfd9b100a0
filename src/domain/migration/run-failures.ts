import type { Restorer } from "../backup/restorer.ts";
import type { OnFailure } from "../database/events.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { DomainEvent } from "../events.ts";
import type { RecoveryService } from "../recovery/recovery-service.ts";
import { DomainError, failureOf, type Failure } from "../shared/errors.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RunState, StepState } from "../state/state.ts";
import type { RunFailureOutcome } from "./events.ts";
import { StepNotApplied, StepRunner, type Job, type StepDependencies } from "./step-runner.ts";

export interface FailureDependencies extends StepDependencies {
  readonly projection: Projection;
  readonly sessions: Sessions;
  readonly recovery: RecoveryService;
  readonly restorer: Restorer;
}

/** Ends runs that did not succeed: finds the truth, undoes what the policy says, records it. */
export class RunFailures {
  readonly #deps: FailureDependencies;

  constructor(deps: FailureDependencies) {
    this.#deps = deps;
  }

  /**
   * Records the run's end. A run given up because the service stops is left open: the next start
   * recovers it. `began` as from `Clock.elapsed`.
   */
  async end(job: Job, error: unknown, began: number): Promise<void> {
    const { run, database, control, context } = job;
    if (control.stop?.kind === "shutdown") return;
    await this.#quarantineIfUnknown(job, error);
    const unsettled = await this.#settle(job);
    if (control.stop?.kind === "cancel") return this.#cancelled(job, control.stop.reason, began);
    const afterwards = unsettled ?? (await this.#undo(job));
    const failed: DomainEvent = {
      type: "RunFailed",
      data: {
        runId: run.id,
        error: failureOf(error),
        outcome: outcomeOf(run, database, this.#restored(run)),
        ...(afterwards === undefined ? {} : { afterwards }),
        durationMs: Math.round(this.#deps.clock.elapsed() - began),
      },
    };
    await this.#deps.recorder.record(database.id, [failed], context);
  }

  async #cancelled({ run, database, context }: Job, reason: string, began: number): Promise<void> {
    const durationMs = Math.round(this.#deps.clock.elapsed() - began);
    const outcome = outcomeOf(run, database, this.#restored(run));
    const data = { runId: run.id, reason, outcome, durationMs };
    await this.#deps.recorder.record(database.id, [{ type: "RunCancelled", data }], context);
  }

  /** Nobody can vouch for a database whose step left its transaction. */
  async #quarantineIfUnknown({ database, context }: Job, error: unknown): Promise<void> {
    if (!(error instanceof StepNotApplied) || !error.unknown) return;
    const data = { code: error.code, reason: error.message };
    await this.#deps.recorder.record(database.id, [{ type: "DatabaseQuarantined", data }], context);
  }

  /** Undefined when every open intent has its outcome. */
  async #settle({ database, context }: Job): Promise<Failure | undefined> {
    try {
      await this.#deps.recovery.settle(database, "after-failure", context);
      return undefined;
    } catch (error) {
      return failureOf(error);
    }
  }

  /** Carries out `onFailure`; returns what went wrong with that. */
  async #undo(job: Job): Promise<Failure | undefined> {
    const { run, database, control } = job;
    const committed = committedSteps(run);
    if (committed.length === 0 || isUnknown(run, database)) return undefined;
    control.uninterruptible = true;
    try {
      switch (onFailureOf(run, database, committed)) {
        case "stop":
          return undefined;
        case "revert":
          await this.#revert(job, committed);
          return undefined;
        case "restore":
          await this.#restore(job);
          return undefined;
      }
    } catch (error) {
      return (await this.#settle(job)) ?? failureOf(error);
    }
  }

  async #revert(job: Job, committed: readonly StepState[]): Promise<void> {
    const { run, database } = job;
    const todo = committed.toReversed().map(({ version }) => ({
      version,
      direction: "down" as const,
      expectedAfter: database.migrations.get(version)?.applied?.fingerprintBefore ?? null,
    }));
    const missing = todo.find(
      ({ version }) => database.migrations.get(version)?.down === undefined,
    );
    if (missing !== undefined)
      throw new DomainError("no-down-script", `Version ${missing.version} has no down script`, {
        hint: "Use onFailure restore for plans without down scripts",
      });
    const steps = new StepRunner(this.#deps, job);
    const session = await this.#deps.sessions.open(database, run.id, (saved) =>
      steps.tables.saved(saved),
    );
    try {
      await steps.run(session, todo);
      await steps.conclude();
    } finally {
      await session.close();
    }
  }

  async #restore({ run, database, context }: Job): Promise<void> {
    if (run.backupId === null)
      throw new DomainError("no-backup", "The run has no backup to restore");
    const reason = "The run failed; its policy restores the backup taken before it";
    const event = this.#deps.restorer.request(run.backupId, reason, { runId: run.id });
    await this.#deps.recorder.record(database.id, [event], context);
    await this.#deps.restorer.perform(database, event.data.restoreId, context);
  }

  #restored(run: RunState): boolean {
    const { restores } = this.#deps.projection.state;
    return run.restoreIds.some((id) => restores.get(id)?.status === "succeeded");
  }
}

/** What the run has changed and not taken back. */
const committedSteps = (run: RunState): StepState[] =>
  run.kind === "migrate"
    ? run.steps.filter(({ status }) => status === "applied")
    : run.steps.filter(({ status }) => status === "reverted");

function onFailureOf(
  run: RunState,
  database: DatabaseState,
  committed: readonly StepState[],
): OnFailure {
  const chosen = run.onFailure ?? database.policy.onFailure;
  // Undoing a rollback by scripts would be a migrate run of its own.
  if (chosen === "revert" && run.kind === "rollback") return "stop";
  if (chosen !== undefined) return chosen;
  if (database.policy.backup === "none") return "stop";
  return committed.some(({ transaction }) => transaction === "none") ? "restore" : "stop";
}

const isUnknown = (run: RunState, database: DatabaseState): boolean =>
  run.steps.some(({ status }) => status === "unknown") ||
  [...database.openAttempts.values()].some(({ runId }) => runId === run.id);

function outcomeOf(run: RunState, database: DatabaseState, restored: boolean): RunFailureOutcome {
  if (isUnknown(run, database)) return "unknown";
  if (restored) return "restored";
  if (committedSteps(run).length > 0) return "kept";
  const undone = run.kind === "migrate" && run.steps.some(({ status }) => status === "reverted");
  return undone ? "reverted" : "untouched";
}
