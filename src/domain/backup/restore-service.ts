import type { DatabaseService } from "../database/database-service.ts";
import type { DomainEvent } from "../events.ts";
import type { RecoveryService } from "../recovery/recovery-service.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict, DomainError, NotFound, failureOf } from "../shared/errors.ts";
import { onBehalf, type Recorder } from "../shared/recorder.ts";
import type { Page } from "../state/entity-query.ts";
import type { Projection } from "../state/projection.ts";
import type { BackupState, DatabaseState, RestoreState } from "../state/state.ts";
import { usable, type Background } from "./backup-service.ts";
import type { Restorer } from "./restorer.ts";

/** Restores on request. */
export class RestoreService {
  readonly #databases: DatabaseService;
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #restorer: Restorer;
  readonly #recovery: RecoveryService;
  readonly #background: Background;

  constructor(
    databases: DatabaseService,
    projection: Projection,
    recorder: Recorder,
    restorer: Restorer,
    recovery: RecoveryService,
    background: Background,
  ) {
    this.#databases = databases;
    this.#projection = projection;
    this.#recorder = recorder;
    this.#restorer = restorer;
    this.#recovery = recovery;
    this.#background = background;
  }

  /**
   * Records the request; verifies, backs up and restores when its turn comes. Errors: `NotFound`
   * backup-not-found · `Conflict` backup-not-restorable | backup-of-other-database. `also` is
   * recorded in the same append.
   */
  async request(
    name: string,
    input: { readonly backupId: string; readonly reason: string },
    context: Context,
    also: (restoreId: string) => readonly DomainEvent[] = () => [],
  ): Promise<RestoreState> {
    const database = usable(this.#databases.find(name));
    const backup = await this.#projection.find("backups", input.backupId);
    refuse(database, input.backupId, backup);
    const event = this.#restorer.request(input.backupId, input.reason);
    const { restoreId } = event.data;
    const { owned, jobs, report } = this.#background;
    owned.add(restoreId);
    try {
      const events = [event, ...also(restoreId)];
      await this.#recorder.record(database.id, events, { ...context, correlation: restoreId });
    } catch (error) {
      owned.delete(restoreId);
      throw error;
    }
    const own = onBehalf(context, restoreId, restoreId);
    void jobs
      .run(database.id, () => this.#perform(database, restoreId, own))
      .catch(report)
      .finally(() => owned.delete(restoreId));
    return this.find(restoreId);
  }

  /** Error: `NotFound` restore-not-found. */
  async find(restoreId: string): Promise<RestoreState> {
    const restore = await this.#projection.find("restores", restoreId);
    if (restore !== undefined) return restore;
    throw new NotFound("restore-not-found", `There is no restore ${restoreId}`);
  }

  /** Restores of a database, newest first. */
  list(name: string, page: Page): Promise<readonly RestoreState[]> {
    const { id: databaseId } = this.#databases.find(name);
    return this.#projection.list("restores", { databaseId, ...page });
  }

  async #perform(database: DatabaseState, restoreId: string, context: Context): Promise<void> {
    try {
      await this.#recovery.settleIfReadable(database, context);
      await this.#restorer.perform(database, restoreId, context);
    } catch (error) {
      await this.#end(database, restoreId, error, context);
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
    if (restore.status === "failed") return;
    if (restore.status === "queued") {
      const data = { restoreId, error: failureOf(error), state: "unchanged" } as const;
      await this.#recorder.record(database.id, [{ type: "RestoreFailed", data }], context);
      return;
    }
    this.#background.owned.delete(restoreId);
    await this.#recovery.settle(database, "after-failure", context);
    if (!(error instanceof DomainError)) throw error;
  }
}

function refuse(database: DatabaseState, id: string, backup: BackupState | undefined): void {
  if (backup === undefined) throw new NotFound("backup-not-found", `There is no backup ${id}`);
  if (backup.databaseId !== database.id)
    throw new Conflict("backup-of-other-database", `Backup ${id} is of another database`);
  if (backup.kind !== "full" || backup.facts === null || backup.status === "damaged")
    throw new Conflict(
      "backup-not-restorable",
      `Backup ${id} is ${backup.kind}, ${backup.status}: it cannot be restored`,
      { hint: `GET /v1/databases/${database.name}/backups lists verified full backups` },
    );
}
