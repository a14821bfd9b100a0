import type { Meta, Restored } from "../engine/database-engine.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { DomainEvent, EventOf } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { Conflict, DomainError, failureOf } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import type { Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState } from "../state/state.ts";
import { BackupKeeper, scratchFile } from "./backup-keeper.ts";
import type { Scratch } from "./backup-store.ts";

/** How long a restore waits for other users of the database, ms. */
const RESTORE_LOCK_TIMEOUT = 30_000;

/** Present content that the engine cannot read: only its bytes can be kept. */
const UNREADABLE = new Set(["not-a-database", "database-damaged"]);

/**
 * Brings backups back: verify the backup on scratch, back up what is about to be replaced, record
 * the intent, replace the content in one transaction, record the outcome.
 */
export class Restorer {
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #keeper: BackupKeeper;
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #ids: Ids;

  constructor(
    projection: Projection,
    recorder: Recorder,
    keeper: BackupKeeper,
    sessions: Sessions,
    clock: Clock,
    ids: Ids,
  ) {
    this.#projection = projection;
    this.#recorder = recorder;
    this.#keeper = keeper;
    this.#sessions = sessions;
    this.#clock = clock;
    this.#ids = ids;
  }

  /** The event that asks for a restore; `perform` carries it out. */
  request(backupId: string, reason: string, runId?: string): EventOf<"RestoreRequested"> {
    const run = runId === undefined ? {} : { runId };
    return {
      type: "RestoreRequested",
      data: { restoreId: this.#ids.uuid(), backupId, reason, ...run },
    };
  }

  /**
   * Carries out a requested restore; the caller holds the database's turn. On any failure
   * `RestoreFailed` is recorded and the error thrown, except when the executor died after the
   * intent: then recovery finds the truth.
   */
  async perform(database: DatabaseState, restoreId: string, context: Context): Promise<void> {
    const restore = this.#projection.state.restores.get(restoreId)!;
    const scratch = await this.#keeper.store.scratch(restoreId);
    let intent = false;
    try {
      await this.#verifyTarget(database, restore.backupId, scratch, context);
      const safetyBackupId = await this.#saveSafety(database, restore.runId, restoreId, context);
      const incarnation = this.#ids.uuid();
      const { backupId, reason, runId } = restore;
      const data = { restoreId, backupId, safetyBackupId, incarnation, reason };
      const [started] = await this.#recorder.record(
        database.id,
        [{ type: "RestoreStarted", data: { ...data, ...(runId === undefined ? {} : { runId }) } }],
        context,
      );
      intent = true;
      await this.#replace(database, restoreId, incarnation, started!.index, scratch, context);
    } catch (error) {
      if (!intent || isKnownUnchanged(error)) await this.#fail(database, restoreId, error, context);
      throw error;
    } finally {
      await scratch.dispose();
    }
  }

  async #verifyTarget(
    database: DatabaseState,
    backupId: string,
    scratch: Scratch,
    context: Context,
  ): Promise<void> {
    const facts = (await this.#projection.find("backups", backupId))?.facts;
    if (facts === undefined || facts === null)
      throw new Conflict("backup-not-complete", `Backup ${backupId} is not complete`);
    const verified = await this.#sessions.use(database, backupId, (session) =>
      this.#keeper.verify(session, database, facts, scratch, context),
    );
    await this.#recorder.record(database.id, [verified], context);
  }

  /** Null when there is nothing to save: the database is gone. */
  async #saveSafety(
    database: DatabaseState,
    runId: string | undefined,
    restoreId: string,
    context: Context,
  ): Promise<string | null> {
    const inspection = await this.#sessions.use(database, restoreId, ({ engine }) =>
      engine.inspect(),
    );
    if (!inspection.exists) return null;
    const { problem, meta } = inspection;
    if (problem === undefined && isOurs(database, meta))
      return this.#saveReadable(database, runId, restoreId, context);
    if (problem !== undefined && !UNREADABLE.has(problem.code))
      throw new DomainError(problem.code, problem.message, { hint: problem.hint });
    const backupId = this.#ids.uuid();
    await this.#recorder.record(
      database.id,
      [BackupKeeper.intent(backupId, "safety", "raw", withoutAbsent({ runId }))],
      context,
    );
    await this.#sessions.use(database, restoreId, (session) =>
      this.#keeper.saveRaw(session, database, backupId, context),
    );
    return backupId;
  }

  async #saveReadable(
    database: DatabaseState,
    runId: string | undefined,
    restoreId: string,
    context: Context,
  ): Promise<string> {
    const backupId = this.#ids.uuid();
    await this.#recorder.record(
      database.id,
      [BackupKeeper.intent(backupId, "safety", "full", withoutAbsent({ runId }))],
      context,
    );
    const scratch = await this.#keeper.store.scratch(backupId);
    try {
      await this.#sessions.use(database, restoreId, async (session) => {
        const facts = await this.#keeper.save(session, database, backupId, context);
        const verified = await this.#keeper.verify(session, database, facts, scratch, context);
        await this.#recorder.record(database.id, [verified], context);
      });
    } finally {
      await scratch.dispose();
    }
    return backupId;
  }

  async #replace(
    database: DatabaseState,
    restoreId: string,
    incarnation: string,
    token: number,
    scratch: Scratch,
    context: Context,
  ): Promise<void> {
    const began = this.#clock.elapsed();
    const restored = await this.#sessions.use(database, restoreId, ({ engine }) =>
      engine.restore({
        scratchPath: scratchFile(scratch),
        token,
        incarnation,
        lockTimeoutMs: RESTORE_LOCK_TIMEOUT,
        ...(database.physical === null ? {} : { physical: database.physical }),
      }),
    );
    const durationMs = Math.round(this.#clock.elapsed() - began);
    await this.#recorder.record(
      database.id,
      [
        ...resolvedBy(database, restored.applied),
        this.#completed(restoreId, incarnation, restored, durationMs),
      ],
      context,
      { once: `outcome:${restoreId}` },
    );
  }

  #completed(
    restoreId: string,
    incarnation: string,
    restored: Restored,
    durationMs: number,
  ): DomainEvent {
    const { backupId } = this.#projection.state.restores.get(restoreId)!;
    const { live, applied, rowsBefore, rowsAfter } = restored;
    const { fingerprint, schema } = live;
    const data = { restoreId, backupId, incarnation, fingerprint, schema, applied };
    return { type: "RestoreCompleted", data: { ...data, rowsBefore, rowsAfter, durationMs } };
  }

  async #fail(
    database: DatabaseState,
    restoreId: string,
    error: unknown,
    context: Context,
  ): Promise<void> {
    await this.#recorder.record(
      database.id,
      [
        {
          type: "RestoreFailed",
          data: { restoreId, error: failureOf(error), state: "unchanged" },
        },
      ],
      context,
      { once: `outcome:${restoreId}` },
    );
  }
}

/** Anything else that lies at the place is kept as bytes: it is not what the ledger speaks of. */
const isOurs = (database: DatabaseState, meta: Meta | undefined): boolean =>
  meta?.databaseId === database.id && meta.incarnation === database.incarnation;

/** The engine says by its code that it changed nothing. */
const UNCHANGED = new Set(["fenced", "database-locked", "clone-or-foreign"]);

const isKnownUnchanged = (error: unknown): boolean =>
  error instanceof DomainError && UNCHANGED.has(error.code);

/** After a restore the markers in the restored content answer what nobody could say before. */
export function resolvedBy(
  database: DatabaseState,
  applied: readonly string[],
): EventOf<"StepResolved">[] {
  return [...database.openAttempts.values()].map(({ attempt, runId, version, direction }) => ({
    type: "StepResolved",
    data: {
      attempt,
      runId,
      version,
      direction,
      decision: applied.includes(version) === (direction === "up") ? "applied" : "aborted",
      reason: "The database was restored; its markers tell",
    },
  }));
}
