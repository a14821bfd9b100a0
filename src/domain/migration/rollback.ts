import { BackupKeeper } from "../backup/backup-keeper.ts";
import type { Restorer } from "../backup/restorer.ts";
import type { DomainEvent, EventOf } from "../events.ts";
import { Conflict, DomainError } from "../shared/errors.ts";
import type { Projection } from "../state/projection.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";
import { rollbackBackup } from "./rollback-backup.ts";
import type { Execution } from "./run-driver.ts";
import { rehearsalEvent, rehearsalFailed } from "./rehearsal.ts";
import type { StepDependencies, StepToRun } from "./step-runner.ts";

export interface RollbackDependencies extends StepDependencies {
  readonly projection: Projection;
  readonly restorer: Restorer;
}

/**
 * Undoes steps: by their down scripts where those bring schema and rows back exactly, else by
 * restoring the backup that was taken before them. About a quarter of real down scripts do not.
 */
export class Rollback {
  readonly #deps: RollbackDependencies;

  constructor(deps: RollbackDependencies) {
    this.#deps = deps;
  }

  /**
   * Undoes the run's steps by down scripts, or returns the restore to be carried out instead when
   * the session is closed.
   */
  async undo(
    execution: Execution,
    started: DomainEvent,
  ): Promise<(() => Promise<void>) | undefined> {
    const { run, database, steps, session, control } = execution;
    const isBare = database.policy.backup === "none";
    const byDown =
      run.strategy !== "restore" &&
      // Whether the scripts bring everything back is tried on a restored backup.
      (!isBare || run.strategy === "down") &&
      run.steps.every(({ version }) => database.migrations.get(version)?.down !== undefined);
    if (!byDown) {
      if (run.strategy === "down")
        throw new DomainError("no-down-script", "A version to undo has no down script");
      const backup = this.#backupFor(execution);
      await execution.begin(started);
      return () => this.#restore(execution, backup);
    }
    const todo = run.steps.map(({ version }): StepToRun => downOf(database, version));
    if (isBare) {
      await execution.begin(started);
      await steps.run(session, todo);
      return undefined;
    }
    const rehearsal = await this.#rehearse(execution, started, todo);
    const { outcome, lossless, error } = rehearsal.data;
    const exact = outcome === "passed" && (run.strategy === "down" || lossless === true);
    if (!exact) {
      await steps.conclude(rehearsal);
      if (run.strategy === "down") throw rehearsalFailed(error!);
      const backup = this.#backupFor(execution);
      return () => this.#restore(execution, backup);
    }
    steps.carry(rehearsal);
    control.checkpoint();
    await steps.run(session, todo);
    return undefined;
  }

  /** Backs up, verifies, and runs the downs (then the ups again) on the restored copy. */
  async #rehearse(
    execution: Execution,
    started: DomainEvent,
    todo: readonly StepToRun[],
  ): Promise<EventOf<"RehearsalCompleted">> {
    const { run, database, session, steps, begin, context } = execution;
    const { keeper, clock } = this.#deps;
    const backupId = this.#deps.ids.uuid();
    await begin(started, BackupKeeper.intent(backupId, "run", "full", { runId: run.id }));
    const facts = await keeper.save(session, database, backupId, context);
    const scratch = await keeper.store.scratch(run.id);
    try {
      steps.carry(await keeper.verify(session, database, facts, scratch, context));
      const began = clock.elapsed();
      const again = run.strategy === "auto" ? todo.toReversed().map(upAgain) : [];
      const result = await steps.rehearse(session, scratch, todo, again);
      const durationMs = Math.round(clock.elapsed() - began);
      return rehearsalEvent(run.id, backupId, todo, result, durationMs);
    } finally {
      await scratch.dispose();
    }
  }

  async #restore({ run, database, steps, context, control }: Execution, backup: BackupState) {
    // The run's own reason is personal text, and sealed: it stays with the run.
    const reason = `Roll back to ${run.to ?? "the state before every migration"} (run ${run.id})`;
    const event = this.#deps.restorer.request(backup.id, reason, { runId: run.id });
    await steps.conclude(event);
    control.checkpoint();
    control.uninterruptible = true;
    await this.#deps.restorer.perform(database, event.data.restoreId, context);
  }

  /** Others have agreed to one backup, not to whichever is the newest at its turn. */
  #backupFor({ run, database }: Execution): BackupState {
    const found = rollbackBackup(database, run.steps, this.#deps.projection.state.backups.values());
    if (found === undefined)
      throw new Conflict("no-backup-for-version", "No verified backup holds that version", {
        hint: "Only versions that were backed up before a later run can be restored",
      });
    const isOther = run.restores !== undefined && run.restores !== found.id;
    if (run.approvalsNeeded > 0 && isOther)
      throw new Conflict(
        "plan-outdated",
        `Backup ${run.restores} cannot be brought back any more; others agreed to no other`,
        { hint: "Request the roll back again" },
      );
    return found;
  }
}

function downOf(database: DatabaseState, version: string): StepToRun {
  const migration = database.migrations.get(version)!;
  return {
    version,
    direction: "down",
    expectedAfter: migration.applied?.fingerprintBefore ?? null,
  };
}

const upAgain = ({ version }: StepToRun): StepToRun => ({
  version,
  direction: "up",
  expectedAfter: null,
});
