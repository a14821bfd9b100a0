import { BackupKeeper } from "../backup/backup-keeper.ts";
import type { Restorer } from "../backup/restorer.ts";
import type { DomainEvent, EventOf } from "../events.ts";
import { Conflict, DomainError } from "../shared/errors.ts";
import type { Projection } from "../state/projection.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";
import type { MigrationState } from "../state/migration-state.ts";
import { appliedIn } from "./applied-versions.ts";
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

  /** The newest verified full backup whose applied versions are exactly those to be left. */
  #backupFor({ run, database }: Execution): BackupState {
    const undone = new Set(run.steps.map(({ version }) => version));
    const left = appliedIn(database).filter((version) => !undone.has(version));
    const isAdopted = ({ applied }: MigrationState): boolean => applied?.runId === null;
    const adopted = [...database.migrations.values()].filter(isAdopted);
    // No backup is from before what another tool did; one from before the adoption does not say it.
    const since = Math.max(-1, ...adopted.map(({ adopted: from }) => from?.index ?? -1));
    const found = [...this.#deps.projection.state.backups.values()].findLast(
      (backup) =>
        backup.databaseId === database.id &&
        backup.kind === "full" &&
        backup.status === "verified" &&
        backup.started.index > since &&
        !adopted.some(({ version }) => undone.has(version)) &&
        sameSet(backup.facts?.applied ?? [], left),
    );
    if (found !== undefined) return found;
    throw new Conflict("no-backup-for-version", "No verified backup holds that version", {
      hint: "Only versions that were backed up before a later run can be restored",
    });
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

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((entry) => b.includes(entry));
