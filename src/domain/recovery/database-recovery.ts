import { usable, type Background } from "../backup/backup-service.ts";
import type { Restorer } from "../backup/restorer.ts";
import type { DatabaseService } from "../database/database-service.ts";
import { refuseOutdated } from "../backup/consented.ts";
import { restoreDemands } from "../backup/restore-demands.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { DomainEvent } from "../events.ts";
import { refuseContradiction, type Circumstances } from "../governance/demands.ts";
import type { Gate } from "../governance/gate.ts";
import type { IntegrityService } from "../integrity/integrity-service.ts";
import type { RunService } from "../migration/run-service.ts";
import { NotAdmitted } from "../migration/beginning.ts";
import { inOrder } from "../migration/plan.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { DomainError, NotFound, failureOf } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { decide, onBehalf, type Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Page } from "../state/entity-query.ts";
import type { Projection } from "../state/projection.ts";
import type { RecoveryState } from "../state/safekeeping-state.ts";
import type { BackupState, DatabaseState, RestoreState, RunState } from "../state/state.ts";
import type { LossWindow, RecoveryProcedure } from "./events.ts";
import { lossWindow } from "./loss-window.ts";
import {
  alertOf,
  awaitsRestore,
  isBackupsFault,
  problemOf,
  restoreFailed,
} from "./recovery-faults.ts";
import { planRecovery, type Diagnosis, type RecoveryPlan } from "./recovery-plan.ts";
import type { RecoveryService } from "./recovery-service.ts";

export interface DatabaseRecoveryParts {
  readonly databases: DatabaseService;
  readonly projection: Projection;
  readonly recorder: Recorder;
  readonly restorer: Restorer;
  readonly recovery: RecoveryService;
  readonly integrity: IntegrityService;
  readonly runs: RunService;
  readonly sessions: Sessions;
  readonly background: Background;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly digest: Digest;
  readonly gate: Gate;
}

export interface RecoveryRequest extends Pick<
  Circumstances,
  "notBefore" | "exception" | "emergency"
> {
  readonly reason: string;
  readonly procedure?: RecoveryProcedure;
}

/** How far a recovery has come. */
interface Progress {
  readonly database: DatabaseState;
  readonly recovery: RecoveryState;
  readonly context: Context;
  readonly circumstances: Circumstances;
  readonly began: number;
  readonly rejected: string[];
  restore: RestoreState | undefined;
  run: RunState | undefined;
  window: LossWindow | undefined;
}

/**
 * Brings a database back: finds out what is wrong, restores the backup that fits, applies again
 * what that backup lacks, and says what may be lost.
 */
export class DatabaseRecovery {
  readonly #parts: DatabaseRecoveryParts;

  constructor(parts: DatabaseRecoveryParts) {
    this.#parts = parts;
  }

  /** Records the request; recovers when its turn comes. */
  async request(name: string, input: RecoveryRequest, context: Context): Promise<RecoveryState> {
    const { databases, recorder, background, ids, clock } = this.#parts;
    const database = usable(databases.find(name));
    refuseContradiction(input);
    const recoveryId = ids.uuid();
    background.owned.add(recoveryId);
    try {
      const event: DomainEvent = {
        type: "DatabaseRecoveryRequested",
        data: { recoveryId, ...withoutAbsent(input) },
      };
      await recorder.record(database.id, [event], { ...context, correlation: recoveryId });
    } catch (error) {
      background.owned.delete(recoveryId);
      throw error;
    }
    const recovery = await this.find(recoveryId);
    const own = onBehalf(context, recoveryId, recoveryId);
    const fresh = { restore: undefined, run: undefined, window: undefined };
    // Its own reason is personal text, and sealed: it stays with the recovery.
    const { notBefore, exception, emergency } = input;
    const reason = `Recovery ${recoveryId}`;
    const circumstances = withoutAbsent({ reason, notBefore, exception, emergency });
    const progress = { database, recovery, circumstances, began: clock.elapsed(), rejected: [] };
    this.#later({ ...progress, context: own, ...fresh });
    return recovery;
  }

  /** Error: `NotFound` recovery-not-found. */
  async find(recoveryId: string): Promise<RecoveryState> {
    const recovery = await this.#parts.projection.find("recoveries", recoveryId);
    if (recovery !== undefined) return recovery;
    throw new NotFound("recovery-not-found", `There is no recovery ${recoveryId}`);
  }

  /** Recoveries of a database, newest first. */
  list(name: string, page: Page): Promise<readonly RecoveryState[]> {
    const { id: databaseId } = this.#parts.databases.find(name);
    return this.#parts.projection.list("recoveries", { databaseId, ...page });
  }

  /** Resolves when the recovery has ended, or when `ms` milliseconds are over. */
  waitForEnd(recovery: RecoveryState, ms: number): Promise<void> {
    return this.#parts.projection.until(() => recovery.ended !== null, ms);
  }

  #later(progress: Progress): void {
    const { owned, report } = this.#parts.background;
    void this.#recover(progress)
      .catch((error: unknown) => this.#fail(progress, error))
      .catch(report)
      .finally(() => owned.delete(progress.recovery.id));
  }

  /** The turn of the database is given up before the run, which takes one of its own. */
  async #recover(progress: Progress): Promise<void> {
    const { jobs } = this.#parts.background;
    const { database } = progress;
    const plan = await jobs.run(database.id, () => this.#bringBack(progress));
    const missing = this.#missing(database, plan);
    if (missing.length > 0) await this.#applyAgain(progress, missing);
    await this.#complete(progress, plan);
  }

  async #bringBack(progress: Progress): Promise<RecoveryPlan> {
    const { projection, recovery: intents } = this.#parts;
    const { database, recovery, context } = progress;
    await intents.settleIfReadable(database, context);
    const lastRun =
      database.lastRun === null ? undefined : await projection.find("runs", database.lastRun);
    const diagnosis = await this.#diagnose(database, context);
    const backups = this.#backupsOf(database);
    const plan = planRecovery(database, lastRun, backups, diagnosis, recovery.asked);
    await this.#record(progress, {
      type: "DatabaseRecoveryPlanned",
      data: { recoveryId: recovery.id, ...plan },
    });
    if (plan.procedure !== "none") await this.#restoreFirstThatPasses(progress, plan, backups);
    return plan;
  }

  /** A full check, recorded as such; what keeps it from being made is a finding too. */
  async #diagnose(database: DatabaseState, context: Context): Promise<Diagnosis> {
    const { integrity, recorder, sessions } = this.#parts;
    const inspection = await sessions.use(database, database.id, ({ engine }) => engine.inspect());
    if (!inspection.exists || inspection.problem !== undefined)
      return { inspection, findings: [problemOf(inspection)] };
    const intent = integrity.intent("full");
    const { checkId } = intent.data;
    this.#parts.background.owned.add(checkId);
    try {
      await recorder.record(database.id, [intent], context);
      const outcome = await sessions.use(database, checkId, (session) =>
        integrity.carryOut(database, checkId, "full", session),
      );
      await recorder.record(database.id, [outcome], context);
      return { inspection, findings: outcome.data.findings };
    } finally {
      this.#parts.background.owned.delete(checkId);
    }
  }

  async #restoreFirstThatPasses(
    progress: Progress,
    plan: RecoveryPlan,
    backups: readonly BackupState[],
  ): Promise<void> {
    const { rejected, recovery } = progress;
    for (const backupId of plan.candidates) {
      const restore = await this.#restore(
        progress,
        backups.find(({ id }) => id === backupId)!,
      );
      if (restore.status === "succeeded") {
        const backup = backups.find(({ id }) => id === backupId)!;
        progress.window = lossWindow(backup, restore, backups);
        return;
      }
      if (!isBackupsFault(restore)) throw restoreFailed(restore);
      rejected.push(backupId);
    }
    throw new DomainError("no-backup-passes", "No verified backup could be restored", {
      hint: `Look for copies of the backup store elsewhere; ${rejected.length} backups were tried for recovery ${recovery.id}`,
    });
  }

  /** Error: recovery-awaits-restore, where people or the calendar must be asked first. */
  async #restore(progress: Progress, backup: BackupState): Promise<RestoreState> {
    const { database, context } = progress;
    const { restorer, projection, background, gate, digest } = this.#parts;
    const restore = await this.#requestRestore(progress, backup);
    progress.restore = restore;
    const { id } = restore;
    const admit = async (): Promise<boolean> => {
      await refuseOutdated(restore, database, projection, digest);
      return gate.admit(restore, context);
    };
    try {
      if (!(await gate.admit(restore, context))) throw new NotAdmitted();
      await restorer.perform(database, id, context, admit);
    } catch (error) {
      if (error instanceof NotAdmitted) throw awaitsRestore(restore);
      background.owned.delete(id);
      const open = database.openRestores.has(id);
      // What nobody could decide is found in the database itself.
      if (open) await this.#parts.recovery.settle(database, "after-failure", context);
      if (!(error instanceof DomainError)) throw error;
    } finally {
      background.owned.delete(id);
    }
    progress.restore = (await projection.find("restores", id))!;
    return progress.restore;
  }

  /** Asked for as any restore is, unless the database is proven to be broken. */
  async #requestRestore(
    { database, recovery, circumstances, context }: Progress,
    backup: BackupState,
  ): Promise<RestoreState> {
    const { restorer, recorder, projection, background, clock, digest } = this.#parts;
    const exempt = recovery.plan?.exempt ?? null;
    const restoreId = await decide(async () => {
      const { streamVersion: expected } = database;
      const intention = { backup, order: {}, circumstances, exempt };
      const demands = restoreDemands(database, intention, clock.now(), digest);
      const cause = { recoveryId: recovery.id };
      const event = restorer.request(backup.id, circumstances.reason!, cause, {}, demands);
      background.owned.add(event.data.restoreId);
      await recorder.record(database.id, [event], context, { expected });
      return event.data.restoreId;
    });
    return projection.state.restores.get(restoreId)!;
  }

  /** Versions that are to be applied and are not, in order. */
  #missing(database: DatabaseState, { procedure, versions }: RecoveryPlan): string[] {
    if (procedure === "none") return [];
    const wanted = new Set(versions);
    return inOrder(database)
      .filter(({ version, state }) => wanted.has(version) && state !== "applied")
      .map(({ version }) => version);
  }

  async #applyAgain(progress: Progress, missing: readonly string[]): Promise<void> {
    const { runs } = this.#parts;
    const { database, circumstances, context } = progress;
    const { reason, exception, emergency } = circumstances;
    const how = withoutAbsent({ reason, exception, emergency });
    const run = await runs.request(database.name, { to: missing.at(-1)!, ...how }, context);
    progress.run = run;
    while (run.ended === null && isUnderWay(run)) await runs.waitForEnd(run, WAIT);
    if (run.status === "succeeded") return;
    const waiting = run.ended === null;
    throw new DomainError(
      waiting ? "recovery-awaits-run" : "recovery-run-failed",
      `The backup is restored; run ${run.id}, which applies ${missing.join(", ")} again, ${waiting ? `is ${run.status}` : `ended as ${run.status}: ${whyEnded(run)}`}`,
      { hint: waiting ? "Decide on the run; then the database is recovered" : run.error?.hint },
    );
  }

  async #complete(progress: Progress, { procedure }: RecoveryPlan): Promise<void> {
    const { recovery, restore, run, window, rejected, began } = progress;
    const durationMs = Math.round(this.#parts.clock.elapsed() - began);
    const ids = { backupId: restore?.backupId, restoreId: restore?.id, runId: run?.id };
    const what = { recoveryId: recovery.id, procedure, rejected, durationMs };
    const data = { ...what, ...withoutAbsent({ ...ids, window }) };
    await this.#record(progress, { type: "DatabaseRecoveryCompleted", data });
  }

  async #fail(progress: Progress, error: unknown): Promise<void> {
    const { recovery, restore, run, window, rejected, database } = progress;
    if (failureOf(error).code === "service-stopping") throw error;
    const failure = failureOf(error);
    const ids = { restoreId: restore?.id, runId: run?.id };
    const data = { recoveryId: recovery.id, error: failure, rejected };
    await this.#record(
      progress,
      {
        type: "DatabaseRecoveryFailed",
        data: { ...data, ...withoutAbsent({ ...ids, window }) },
      },
      alertOf(database, recovery, failure),
    );
  }

  #backupsOf(database: DatabaseState): BackupState[] {
    return [...this.#parts.projection.state.backups.values()].filter(
      ({ databaseId }) => databaseId === database.id,
    );
  }

  async #record({ database, context }: Progress, ...events: DomainEvent[]): Promise<void> {
    await this.#parts.recorder.record(database.id, events, context);
  }
}

/** How long the run is waited for at a time, ms. */
const WAIT = 60_000;

const isUnderWay = ({ status }: RunState): boolean => status === "queued" || status === "running";

/** The reason of a cancelled or rejected run is personal text, and sealed. */
const whyEnded = ({ error }: RunState): string =>
  typeof error?.message === "string" ? error.message : (error?.code ?? "");
