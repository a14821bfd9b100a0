import { refuseFull } from "../database/queue.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { DomainEvent } from "../events.ts";
import type { RecoveryService } from "../recovery/recovery-service.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict, DomainError, InvalidInput, NotFound, failureOf } from "../shared/errors.ts";
import { decide, onBehalf, type Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Projection } from "../state/projection.ts";
import type { BackupState, DatabaseState, RestoreState } from "../state/state.ts";
import { usable, type Background } from "./backup-service.ts";
import type { RestoreOrder } from "./events.ts";
import { restoreOutcome } from "./restore-job.ts";
import { whyFailed, type Restorer } from "./restorer.ts";
import { chooseBackup, type BackupChoice } from "./select-backup.ts";

export type RestoreRequest = BackupChoice &
  Omit<RestoreOrder, "beforeRun" | "at"> & { readonly reason: string };

/**
 * Turns a submitted target into the path of a new file, or refuses it (outside the allowed roots,
 * something is there already).
 */
export type ResolveTarget = (target: string) => Promise<string>;

export interface RestoreParts {
  readonly databases: DatabaseService;
  readonly projection: Projection;
  readonly recorder: Recorder;
  readonly restorer: Restorer;
  readonly recovery: RecoveryService;
  readonly sessions: Sessions;
  readonly background: Background;
  readonly resolveTarget: ResolveTarget;
}

/** How long a cancel request waits for the end before it answers, ms. */
const CANCEL_WAIT = 10_000;

/** Restores on request. */
export class RestoreService {
  readonly #parts: RestoreParts;
  /** Restores whose turn has come. */
  readonly #begun = new Set<string>();

  constructor(parts: RestoreParts) {
    this.#parts = parts;
  }

  /**
   * Records the request; verifies, backs up and restores when its turn comes. Errors: those of
   * `chooseBackup` · `Conflict` backup-not-restorable · `InvalidInput`
   * restore-contradiction | table-not-found. `also` is recorded in the same append.
   */
  async request(
    name: string,
    input: RestoreRequest,
    context: Context,
    also: (restoreId: string) => readonly DomainEvent[] = () => [],
  ): Promise<RestoreState> {
    const { databases, projection, restorer, recorder, background } = this.#parts;
    const database = refuseFull(usable(databases.find(name)));
    const { backupId, beforeRun, at, reason, ...how } = input;
    refuseContradiction(how);
    const choice = withoutAbsent({ backupId, beforeRun, at });
    const backup = await chooseBackup(database, projection, choice);
    refuse(database, backup, how);
    const target =
      how.target === undefined ? {} : { target: await this.#parts.resolveTarget(how.target) };
    const order = { ...how, ...target, ...withoutAbsent({ beforeRun, at }) };
    const event = restorer.request(backup.id, reason, {}, order);
    const { restoreId } = event.data;
    background.owned.add(restoreId);
    try {
      await recorder.record(database.id, [event, ...also(restoreId)], {
        ...context,
        correlation: restoreId,
      });
    } catch (error) {
      background.owned.delete(restoreId);
      throw error;
    }
    this.#later(database, restoreId, onBehalf(context, restoreId, restoreId));
    return this.find(restoreId);
  }

  /**
   * Gives the restore up: before it replaces anything nothing has happened, afterwards its one
   * transaction is rolled back, or was committed already. Errors: `Conflict` restore-ended |
   * restore-of-run.
   */
  async cancel(restoreId: string, reason: string, context: Context): Promise<RestoreState> {
    const restore = await this.find(restoreId);
    if (restore.runId !== undefined)
      throw new Conflict("restore-of-run", "The restore belongs to a run that undoes its steps", {
        hint: `Wait for the end of the run: GET /v1/runs/${restore.runId}?wait=60`,
      });
    const own = { ...context, correlation: restoreId };
    await this.#askToCancel(restore, reason, own);
    this.#parts.sessions.stop(restoreId);
    if (!this.#begun.has(restoreId)) await this.#withdraw(restore, own);
    return this.waitForEnd(restore, CANCEL_WAIT);
  }

  /** Nothing may be recorded of a restore that has ended meanwhile. */
  async #askToCancel(restore: RestoreState, reason: string, context: Context): Promise<void> {
    const { databases, recorder } = this.#parts;
    const { id: restoreId, databaseId } = restore;
    const event = { type: "RestoreCancelRequested", data: { restoreId, reason } } as const;
    await decide(async () => {
      const { streamVersion } = databases.find(databaseId);
      if (restore.ended !== null)
        throw new Conflict("restore-ended", `The restore has already ended: ${restore.status}`);
      await recorder.record(databaseId, [event], context, { expected: streamVersion });
    });
  }

  /** Error: `NotFound` restore-not-found. */
  async find(restoreId: string): Promise<RestoreState> {
    const restore = await this.#parts.projection.find("restores", restoreId);
    if (restore !== undefined) return restore;
    throw new NotFound("restore-not-found", `There is no restore ${restoreId}`);
  }

  /** The restore when it has ended, or as it is after `ms` milliseconds. */
  async waitForEnd(restore: RestoreState, ms: number): Promise<RestoreState> {
    await this.#parts.projection.until(() => restore.ended !== null, ms);
    return restore;
  }

  #later(database: DatabaseState, restoreId: string, context: Context): void {
    const { jobs, owned, report } = this.#parts.background;
    void jobs
      .run(database.id, () => this.#perform(database, restoreId, context))
      .catch(report)
      .finally(() => {
        owned.delete(restoreId);
        this.#begun.delete(restoreId);
        this.#parts.sessions.forget(restoreId);
      });
  }

  async #perform(database: DatabaseState, restoreId: string, context: Context): Promise<void> {
    const { recovery, restorer } = this.#parts;
    if ((await this.find(restoreId)).ended !== null) return;
    this.#begun.add(restoreId);
    try {
      await recovery.settleIfReadable(database, context);
      await restorer.perform(database, restoreId, context);
    } catch (error) {
      await this.#end(database, restoreId, error, context);
    }
  }

  /** Its turn has not come: it ends at once. Several may cancel it, it ends once. */
  async #withdraw(restore: RestoreState, context: Context): Promise<void> {
    try {
      await this.#fail(restore, new DomainError("cancelled", "Cancelled"), context);
    } catch (error) {
      const isKnown = error instanceof DomainError && error.code === "outcome-recorded-already";
      if (!isKnown) throw error;
    }
  }

  /** What `perform` could not decide is found in the database itself. */
  async #end(
    database: DatabaseState,
    restoreId: string,
    error: unknown,
    context: Context,
  ): Promise<void> {
    const restore = await this.find(restoreId);
    if (restore.ended !== null) return;
    if (restore.status === "queued") return this.#fail(restore, error, context);
    this.#parts.background.owned.delete(restoreId);
    this.#parts.sessions.forget(restoreId);
    await this.#parts.recovery.settle(database, "after-failure", context);
    if (!(error instanceof DomainError)) throw error;
  }

  async #fail(restore: RestoreState, error: unknown, context: Context): Promise<void> {
    const { id: restoreId, databaseId } = restore;
    const data = {
      restoreId,
      error: whyFailed(restore, failureOf(error)),
      state: "unchanged",
    } as const;
    await this.#parts.recorder.record(
      databaseId,
      [{ type: "RestoreFailed", data }],
      context,
      restoreOutcome(restoreId),
    );
  }
}

/** Members that say two things at once. */
function refuseContradiction(order: RestoreOrder): void {
  const { tables, target, method, onConflict, triggers } = order;
  const words: readonly (readonly [boolean, string])[] = [
    [tables !== undefined && target !== undefined, "tables and target exclude each other"],
    [tables === undefined && onConflict !== undefined, "onConflict is for tables"],
    [tables === undefined && triggers !== undefined, "triggers is for tables"],
    [
      method !== undefined && (tables !== undefined || target !== undefined),
      "method is for the whole database",
    ],
  ];
  const wrong = words.find(([is]) => is);
  if (wrong !== undefined)
    throw new InvalidInput("restore-contradiction", `The request contradicts itself: ${wrong[1]}`, {
      hint: "Restore the whole database, or single tables into it, or the backup to a new file",
    });
}

function refuse(database: DatabaseState, backup: BackupState, { tables }: RestoreOrder): void {
  const { id, kind, status, facts } = backup;
  const isOfKind = kind === "full" || (kind === "table" && tables !== undefined);
  if (!isOfKind || facts === null || !["completed", "verified"].includes(status))
    throw new Conflict(
      "backup-not-restorable",
      `Backup ${id} is ${kind}, ${status}: it cannot be restored`,
      { hint: `GET /v1/databases/${database.name}/backups lists verified full backups` },
    );
  const had = new Set(Object.keys(facts.rows).map((table) => table.toLowerCase()));
  const missing = tables?.find((table) => !had.has(table.toLowerCase()));
  if (missing !== undefined)
    throw new InvalidInput("table-not-found", `Backup ${id} has no table ${missing}`, {
      hint: `GET /v1/backups/${id} lists its tables in rows`,
    });
}
