import type { BackupKeeper } from "../backup/backup-keeper.ts";
import type { DomainEvent } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Owned } from "../shared/owned.ts";
import type { Recorder } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { PruneState } from "../state/safekeeping-state.ts";
import type { DatabaseState } from "../state/state.ts";

/**
 * Ends prunes that a dead process left. The store says which backups are gone; those that are not
 * stay: a prune is not taken up again, the next one decides anew.
 */
export class OpenPrunes {
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #keeper: BackupKeeper;
  readonly #owned: Owned;

  constructor(projection: Projection, recorder: Recorder, keeper: BackupKeeper, owned: Owned) {
    this.#projection = projection;
    this.#recorder = recorder;
    this.#keeper = keeper;
    this.#owned = owned;
  }

  async settle(database: DatabaseState, context: Context): Promise<void> {
    for (const pruneId of [...database.openPrunes].filter((id) => !this.#owned.has(id))) {
      const prune = this.#projection.state.prunes.get(pruneId)!;
      const gone = await this.#gone(prune);
      if (prune.status === "running") await this.#keeper.sweep(this.#projection.state);
      const pruned = prune.pruned.length + gone.length;
      const error = {
        code: "interrupted",
        message: "The process ended before the prune was complete",
      };
      await this.#recorder.record(
        database.id,
        [...gone, { type: "PruneFailed", data: { pruneId, error, pruned } }],
        context,
      );
    }
  }

  /** Backups that the intent named and the store does not have any more. */
  async #gone({ id: pruneId, intended, pruned }: PruneState): Promise<DomainEvent[]> {
    const events: DomainEvent[] = [];
    for (const { backupId, because } of intended) {
      if (pruned.includes(backupId)) continue;
      if ((await this.#keeper.store.manifest(backupId)) !== undefined) continue;
      // What was left of it when the process died.
      await this.#keeper.store.remove(backupId);
      const facts = this.#projection.state.backups.get(backupId)?.facts;
      const sizes = { bytes: facts?.bytes ?? 0, storedBytes: facts?.storedBytes ?? 0 };
      const data = { backupId, pruneId, because, ...sizes, recovered: true };
      events.push({ type: "BackupPruned", data });
    }
    return events;
  }
}
