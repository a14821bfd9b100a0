import { wasWritten, written } from "../backup/restore-to-file.ts";
import { driftReverted, restoreOutcome } from "../backup/restore-job.ts";
import { resolvedBy } from "../backup/restore-whole.ts";
import { whyFailed } from "../backup/restorer.ts";
import type { Recovered } from "../engine/database-engine.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { DomainEvent } from "../events.ts";
import type { TableRows } from "../migration/events.ts";
import type { Context } from "../shared/actor.ts";
import type { Failure } from "../shared/errors.ts";
import type { Owned } from "../shared/owned.ts";
import type { Recorder } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RestoreState } from "../state/state.ts";

/** Gives restores that a dead process had begun their outcome, as the content tells it. */
export class OpenRestores {
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #sessions: Sessions;
  readonly #owned: Owned;

  constructor(projection: Projection, recorder: Recorder, sessions: Sessions, owned: Owned) {
    this.#projection = projection;
    this.#recorder = recorder;
    this.#sessions = sessions;
    this.#owned = owned;
  }

  /** Those whose outcome is in the database itself. */
  ofDatabase(database: DatabaseState): RestoreState[] {
    return this.#left(database).filter(({ order }) => order.target === undefined);
  }

  /** Those to new files: the database need not be looked at, the file tells. */
  async settleFiles(database: DatabaseState, context: Context): Promise<void> {
    for (const restore of this.#left(database)) {
      if (restore.order.target === undefined) continue;
      const facts = (await this.#projection.find("backups", restore.backupId))?.facts;
      const done = await wasWritten(this.#sessions, { database, restore });
      if (!done || facts === undefined || facts === null) {
        await this.#fail(database, restore, context);
        continue;
      }
      const event = written(restore, facts, 0);
      await this.#record(database, restore, context, [
        { ...event, data: { ...event.data, recovered: true } },
      ]);
    }
  }

  /** The incarnation found says whether the content was put in place. */
  async settle(
    database: DatabaseState,
    restore: RestoreState,
    { live, applied, meta }: Recovered,
    context: Context,
  ): Promise<void> {
    if (meta.incarnation !== restore.incarnation) return this.#fail(database, restore, context);
    const completed: DomainEvent = {
      type: "RestoreCompleted",
      data: {
        restoreId: restore.id,
        backupId: restore.backupId,
        incarnation: meta.incarnation,
        fingerprint: live.fingerprint,
        schema: live.schema,
        applied,
        rowsBefore: {},
        rowsAfter: await this.#rowsOf(restore),
        durationMs: 0,
        recovered: true,
      },
    };
    const whole = restore.order.tables === undefined;
    await this.#record(database, restore, context, [
      ...(whole ? resolvedBy(database, applied) : []),
      completed,
      ...driftReverted(restore),
    ]);
  }

  #left(database: DatabaseState): RestoreState[] {
    return (
      [...database.openRestores]
        .filter((id) => !this.#owned.has(id))
        .map((id) => this.#projection.state.restores.get(id)!)
        // What has not begun changed nothing, and may wait still.
        .filter(({ started }) => started !== null)
    );
  }

  /** Of single tables nobody counted what the others had. */
  async #rowsOf({ order, backupId }: RestoreState): Promise<TableRows> {
    if (order.tables !== undefined) return {};
    return (await this.#projection.find("backups", backupId))?.facts?.rows ?? {};
  }

  async #fail(database: DatabaseState, restore: RestoreState, context: Context): Promise<void> {
    const error = whyFailed(restore, INTERRUPTED);
    const data = { restoreId: restore.id, error, state: "unchanged" } as const;
    await this.#record(database, restore, context, [{ type: "RestoreFailed", data }]);
  }

  async #record(
    database: DatabaseState,
    restore: RestoreState,
    context: Context,
    events: readonly DomainEvent[],
  ): Promise<void> {
    await this.#recorder.record(database.id, events, context, restoreOutcome(restore.id));
  }
}

const INTERRUPTED: Failure = {
  code: "interrupted",
  message: "The process ended before the restore was complete; the database is as it was",
};
