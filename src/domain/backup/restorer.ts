import type { Clock } from "../shared/clock.ts";
import type { EventOf } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import { DomainError, Unavailable, failureOf, type Failure } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import type { Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RestoreState } from "../state/state.ts";
import { isPatient } from "../state/undertaking.ts";
import type { BackupKeeper } from "./backup-keeper.ts";
import { NotAdmitted, type Admit } from "../migration/beginning.ts";
import type { RestoreDemands, RestoreOrder } from "./events.ts";
import type { Sessions } from "../engine/sessions.ts";
import { RestoreRefused, restoreOutcome, type RestoreJob, type RestoreWay } from "./restore-job.ts";
import { RestorePreparation } from "./restore-preparation.ts";
import { RestoreSingleTables } from "./restore-single-tables.ts";
import { RestoreToFile } from "./restore-to-file.ts";
import { RestoreWhole } from "./restore-whole.ts";

/** Who causes a restore, besides whoever asks for it. */
export interface RestoreCause {
  readonly runId?: string;
  readonly recoveryId?: string;
}

/**
 * Brings backups back: verify the backup on scratch, back up what is about to be replaced, record
 * the intent, put the content in place in one transaction, record the outcome.
 */
export class Restorer {
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #keeper: BackupKeeper;
  readonly #ids: Ids;
  readonly #preparation: RestorePreparation;
  readonly #whole: RestoreWay;
  readonly #tables: RestoreWay;
  readonly #file: RestoreWay;

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
    this.#ids = ids;
    const preparation = new RestorePreparation({ projection, recorder, keeper, sessions, ids });
    const parts = { preparation, recorder, sessions, clock, ids };
    this.#preparation = preparation;
    this.#whole = new RestoreWhole(parts);
    this.#tables = new RestoreSingleTables(parts);
    this.#file = new RestoreToFile(parts);
  }

  /** The event that asks for a restore; `perform` carries it out. */
  request(
    backupId: string,
    reason: string,
    { runId, recoveryId }: RestoreCause = {},
    order: RestoreOrder = {},
    demands: RestoreDemands = runId === undefined ? {} : { exempt: "part-of-run" },
  ): EventOf<"RestoreRequested"> {
    const restoreId = this.#ids.uuid();
    const cause = withoutAbsent({ runId, recoveryId });
    const data = { restoreId, backupId, reason, ...cause, ...order, ...demands };
    return { type: "RestoreRequested", data };
  }

  /**
   * Carries out a requested restore; the caller holds the database's turn. On any failure
   * `RestoreFailed` is recorded and the error thrown, except when the executor died after the
   * intent: then recovery finds the truth. `admit` is asked once everything is prepared; error
   * NotAdmitted: it waits on.
   */
  async perform(
    database: DatabaseState,
    restoreId: string,
    context: Context,
    admit: Admit = () => Promise.resolve(true),
  ): Promise<void> {
    const restore = this.#projection.state.restores.get(restoreId)!;
    const scratch = await this.#keeper.store.scratch(restoreId);
    const job: RestoreJob = { database, restore, context, admit, started: false };
    try {
      const copy = await this.#preparation.verifyBackup(database, restore, scratch, context);
      await this.#wayOf(restore).carryOut(job, copy);
    } catch (error) {
      const ends = !job.started || isKnownUnchanged(error);
      if (ends && !waitsOn(restore, error)) await this.#fail(job, error);
      throw error;
    } finally {
      await scratch.dispose();
    }
  }

  #wayOf({ order }: RestoreState): RestoreWay {
    if (order.target !== undefined) return this.#file;
    return order.tables === undefined ? this.#whole : this.#tables;
  }

  async #fail({ database, restore, context }: RestoreJob, error: unknown): Promise<void> {
    const findings = error instanceof RestoreRefused ? { findings: error.findings } : {};
    const known = { error: whyFailed(restore, failureOf(error)), state: "unchanged" } as const;
    const data = { restoreId: restore.id, ...known, ...findings };
    await this.#recorder.record(
      database.id,
      [{ type: "RestoreFailed", data }],
      context,
      restoreOutcome(restore.id),
    );
  }
}

/** What was given up on request did not fail by itself. */
export const whyFailed = ({ cancel }: RestoreState, error: Failure): Failure =>
  cancel === null ? error : { code: "cancelled", message: "Cancelled on request" };

/** What people agreed to is taken up by the next start, if this service only stops. */
export const waitsOn = (restore: RestoreState, error: unknown): boolean =>
  error instanceof NotAdmitted ||
  (isPatient(restore) &&
    restore.started === null &&
    restore.cancel === null &&
    error instanceof Unavailable &&
    STOPPING.has(error.code));

const STOPPING = new Set(["service-stopping", "executor-closed"]);

/** The engine says by its code that it changed nothing. */
const UNCHANGED = new Set([
  "fenced",
  "database-locked",
  "clone-or-foreign",
  "restore-refused",
  "target-exists",
]);

const isKnownUnchanged = (error: unknown): boolean =>
  error instanceof DomainError && UNCHANGED.has(error.code);
