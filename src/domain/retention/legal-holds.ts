import type { BackupStore } from "../backup/backup-store.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict, NotFound } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import type { Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Projection } from "../state/projection.ts";
import type { HoldState } from "../state/safekeeping-state.ts";
import type { DatabaseState } from "../state/state.ts";
import type { PruneGuard } from "./prune-guard.ts";

/** A hold and the database whose backups it keeps. */
export interface PlacedHold {
  readonly database: DatabaseState;
  readonly hold: HoldState;
}

/** Places and releases legal holds: what they name is not pruned, whatever the policy says. */
export class LegalHolds {
  readonly #databases: DatabaseService;
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #guard: PruneGuard;
  readonly #ids: Ids;
  readonly #store: Pick<BackupStore, "hold" | "release">;

  constructor(
    databases: DatabaseService,
    projection: Projection,
    recorder: Recorder,
    guard: PruneGuard,
    ids: Ids,
    store: Pick<BackupStore, "hold" | "release">,
  ) {
    this.#databases = databases;
    this.#projection = projection;
    this.#recorder = recorder;
    this.#guard = guard;
    this.#ids = ids;
    this.#store = store;
  }

  /**
   * Holds one backup, or all of the database, those to come included. Errors: `NotFound`
   * backup-not-found · `Conflict` backup-pruned.
   */
  async place(
    name: string,
    { backupId, reason }: { readonly backupId?: string; readonly reason: string },
    context: Context,
  ): Promise<PlacedHold> {
    const database = this.#databases.find(name);
    if (backupId !== undefined) await this.#refuse(database, backupId);
    const key = backupId ?? database.id;
    if (!this.#guard.beginHold(key)) throw pruned(backupId ?? "of the database");
    try {
      if (backupId !== undefined) await this.#refuse(database, backupId);
      // Before it is on record: whoever reads of it may rely on it.
      await this.#store.hold(backupId === undefined ? this.#storedOf(database) : [backupId]);
      const holdId = this.#ids.uuid();
      const data = { holdId, ...withoutAbsent({ backupId }), reason };
      const own = { ...context, correlation: holdId };
      await this.#recorder.record(database.id, [{ type: "LegalHoldPlaced", data }], own);
      return this.find(holdId);
    } finally {
      this.#guard.endHold(key);
    }
  }

  /** Error: `NotFound` hold-not-found. */
  async release(holdId: string, reason: string, context: Context): Promise<PlacedHold> {
    const placed = this.find(holdId);
    const own = { ...context, correlation: holdId };
    const event = { type: "LegalHoldReleased", data: { holdId, reason } } as const;
    await this.#recorder.record(placed.database.id, [event], own, { once: [`released:${holdId}`] });
    const { database, hold } = placed;
    const freed = hold.backupId === null ? this.#storedOf(database) : [hold.backupId];
    await this.#store.release(freed, this.#heldNow());
    return placed;
  }

  /** Error: `NotFound` hold-not-found. */
  find(holdId: string): PlacedHold {
    for (const database of this.#projection.state.databases.values()) {
      const hold = database.holds.get(holdId);
      if (hold !== undefined) return { database, hold };
    }
    throw new NotFound("hold-not-found", `There is no hold ${holdId}, or it was released`, {
      hint: "The audit history has every hold: GET /v1/audit/events?type=LegalHoldPlaced",
    });
  }

  /** Those of a database that are in force, newest first. */
  list(name: string): readonly HoldState[] {
    return [...this.#databases.find(name).holds.values()].toReversed();
  }

  #storedOf({ id }: DatabaseState): readonly string[] {
    const { backups } = this.#projection.state;
    return [...backups.values()]
      .filter(({ databaseId, completed }) => databaseId === id && completed !== null)
      .map((backup) => backup.id);
  }

  /** Backups of every database that some hold is about. */
  #heldNow(): readonly string[] {
    return [...this.#projection.state.databases.values()].flatMap((database) =>
      [...database.holds.values()].flatMap(({ backupId }) =>
        backupId === null ? this.#storedOf(database) : [backupId],
      ),
    );
  }

  async #refuse(database: DatabaseState, backupId: string): Promise<void> {
    const backup = await this.#projection.find("backups", backupId);
    // One of another database is answered as one that does not exist: nobody learns what others have.
    if (backup?.databaseId !== database.id)
      throw new NotFound("backup-not-found", `There is no backup ${backupId} of ${database.name}`);
    if (backup.status === "pruned") throw pruned(backupId);
  }
}

const pruned = (what: string): Conflict =>
  new Conflict("backup-pruned", `The backup ${what} is pruned, or is being pruned now`, {
    hint: "Look at the prunes of the database; hold what is left",
  });
