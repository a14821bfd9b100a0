import { refuseFull } from "../database/queue.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { EventOf } from "../events.ts";
import type { ApprovalService, Decision, Review } from "../governance/approval-service.ts";
import { asRequester } from "../governance/as-requester.ts";
import type { Circumstances } from "../governance/demands.ts";
import type { Gate } from "../governance/gate.ts";
import type { RecoveryService } from "../recovery/recovery-service.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict, DomainError, NotFound, failureOf } from "../shared/errors.ts";
import { decide, onBehalf, type Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RestoreState } from "../state/state.ts";
import { isPatient } from "../state/undertaking.ts";
import { usable, type Background } from "./backup-service.ts";
import type { RestoreOrder } from "./events.ts";
import { NotAdmitted } from "../migration/beginning.ts";
import { refuseOtherSchema, refuseOutdated } from "./consented.ts";
import { refuseContradiction, refuseUnfit } from "./restore-refusals.ts";
import { restoreDemands } from "./restore-demands.ts";
import { restoreOutcome } from "./restore-job.ts";
import { waitsOn, whyFailed, type Restorer } from "./restorer.ts";
import { chooseBackup, type BackupChoice } from "./select-backup.ts";

export type RestoreRequest = BackupChoice &
  Omit<RestoreOrder, "beforeRun" | "at"> &
  Circumstances & { readonly reason: string };

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
  readonly gate: Gate;
  readonly approvals: ApprovalService;
  readonly clock: Clock;
  readonly digest: Digest;
}

/** How long a cancel request waits for the end before it answers, ms. */
const CANCEL_WAIT = 10_000;

/** Restores on request, once those agree who must and the time has come. */
export class RestoreService {
  readonly #parts: RestoreParts;
  /** Restores that wait for their turn or have it. */
  readonly #queued = new Set<string>();
  /** Restores whose turn has come. */
  readonly #begun = new Set<string>();

  constructor(parts: RestoreParts) {
    this.#parts = parts;
  }

  /**
   * Records the request; verifies, backs up and restores when it may and its turn comes. Errors: those
   * of `chooseBackup` and `restoreDemands` · `Conflict` backup-not-restorable · `InvalidInput`
   * restore-contradiction | table-not-found.
   */
  async request(name: string, input: RestoreRequest, context: Context): Promise<RestoreState> {
    const { databases, recorder, background } = this.#parts;
    const restoreId = await decide(async () => {
      const database = refuseFull(usable(databases.find(name)));
      const { streamVersion: expected } = database;
      const event = await this.#draft(database, input);
      const { restoreId: id } = event.data;
      const own = { ...context, correlation: id };
      background.owned.add(id);
      try {
        await recorder.record(database.id, [event], own, { expected });
      } catch (error) {
        background.owned.delete(id);
        throw error;
      }
      return id;
    });
    return this.#proceed(await this.find(restoreId), context);
  }

  async #draft(
    database: DatabaseState,
    input: RestoreRequest,
  ): Promise<EventOf<"RestoreRequested">> {
    const { projection, restorer, clock, digest } = this.#parts;
    const { backupId, beforeRun, at, reason, notBefore, exception, emergency, ...how } = input;
    refuseContradiction(how);
    const backup = await chooseBackup(
      database,
      projection,
      withoutAbsent({ backupId, beforeRun, at }),
    );
    refuseUnfit(database, backup, how);
    const target =
      how.target === undefined ? {} : { target: await this.#parts.resolveTarget(how.target) };
    const order = { ...how, ...target, ...withoutAbsent({ beforeRun, at }) };
    const circumstances = withoutAbsent({ reason, notBefore, exception, emergency });
    const intention = { backup, order, circumstances };
    const demands = restoreDemands(database, intention, clock.now(), digest);
    return restorer.request(backup.id, reason, {}, order, demands);
  }

  /** Takes a person's decision on a restore that has not begun. Errors: those of `ApprovalService`. */
  async decide(restoreId: string, decision: Decision, context: Context): Promise<RestoreState> {
    const restore = await this.find(restoreId);
    await this.#parts.approvals.decide(restore, decision, context);
    return this.#proceed(restore, context);
  }

  /** Takes the review of an emergency restore. Errors: those of `ApprovalService`. */
  async review(restoreId: string, review: Review, context: Context): Promise<RestoreState> {
    const restore = await this.find(restoreId);
    await this.#parts.approvals.review(restore, review, context);
    return restore;
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
    // The request's idempotency key is spent: under it nothing more would be appended.
    const later = onBehalf(own, restoreId, restoreId);
    if (!this.#begun.has(restoreId)) await this.#withdraw(restore, later);
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

  /** Lets it begin if it may; what it waits for is recorded. */
  async #proceed(restore: RestoreState, context: Context): Promise<RestoreState> {
    const own = onBehalf(context, restore.id, restore.id);
    // One that nobody asks about cannot wait either: whether it may is asked again at its turn.
    if ((await this.#parts.gate.admit(restore, own)) || !isPatient(restore))
      this.take(restore, own);
    return restore;
  }

  /** Queues what may begin, unless it is queued already. */
  take(restore: RestoreState, by: Context): void {
    const { id, databaseId } = restore;
    if (this.#queued.has(id) || restore.ended !== null || restore.started !== null) return;
    const { projection, background, databases, sessions } = this.#parts;
    const { jobs, owned, report } = background;
    const context = asRequester(projection.state, restore, by);
    this.#queued.add(id);
    owned.add(id);
    void jobs
      .run(databaseId, () => this.#perform(databases.find(databaseId), restore, context))
      .catch((error: unknown) => {
        report(error);
        return false;
      })
      .then((again) => {
        this.#queued.delete(id);
        this.#begun.delete(id);
        sessions.forget(id);
        if (again) this.take(restore, by);
        else owned.delete(id);
      });
  }

  /** True: whether it may could not be decided, and nothing is recorded that it waits for. */
  async #perform(
    database: DatabaseState,
    restore: RestoreState,
    context: Context,
  ): Promise<boolean> {
    const { recovery, restorer } = this.#parts;
    if (restore.ended !== null || restore.started !== null) return false;
    const { gate, projection, digest } = this.#parts;
    const admit = async (): Promise<boolean> => {
      await refuseOutdated(restore, database, projection, digest);
      return gate.admit(restore, context);
    };
    this.#begun.add(restore.id);
    try {
      if (!(await admit())) return this.#mustAskAgain(restore);
      await recovery.settleIfReadable(database, context);
      await refuseOtherSchema(restore, database, this.#parts.sessions);
      await restorer.perform(database, restore.id, context, admit);
    } catch (error) {
      if (error instanceof NotAdmitted) return this.#mustAskAgain(restore);
      if (!waitsOn(restore, error)) await this.#end(database, restore.id, error, context);
    }
    return false;
  }

  /** Others appended without a pause. What waits for people or its time is looked at by the gate. */
  #mustAskAgain(restore: RestoreState): boolean {
    return restore.ended === null && !isPatient(restore) && !this.#parts.gate.isStopped;
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
    if (restore.started === null) return this.#fail(restore, error, context);
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
