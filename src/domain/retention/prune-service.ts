import { refuseFull } from "../database/queue.ts";
import { usable, type Background } from "../backup/backup-service.ts";
import type { BackupKeeper } from "../backup/backup-keeper.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { Conflict, NotFound, failureOf } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { onBehalf, type Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Page } from "../state/entity-query.ts";
import type { Projection } from "../state/projection.ts";
import type { PruneState } from "../state/safekeeping-state.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";
import type { PruneGuard } from "./prune-guard.ts";
import {
  hasRules,
  minVerifiedOf,
  planRetention,
  type Holds,
  type PrunedBecause,
  type RetainedBackup,
  type Retention,
} from "./retention.ts";

export interface PruneParts {
  readonly databases: DatabaseService;
  readonly projection: Projection;
  readonly recorder: Recorder;
  readonly keeper: BackupKeeper;
  readonly background: Background;
  readonly guard: PruneGuard;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Removes backups that the policy does not keep: planned, recorded before and after. */
export class PruneService {
  readonly #parts: PruneParts;

  constructor(parts: PruneParts) {
    this.#parts = parts;
  }

  /** What a prune would do now: every backup in the store with what keeps it. */
  plan(name: string): readonly RetainedBackup[] {
    return this.#plan(this.#parts.databases.find(name));
  }

  /**
   * Records the request; removes what may go when its turn comes. Error: `Conflict`
   * retention-not-set.
   */
  async request(
    name: string,
    { reason, runId }: { readonly reason: string; readonly runId?: string },
    context: Context,
  ): Promise<PruneState> {
    const { databases, recorder, background, ids } = this.#parts;
    const database = refuseFull(usable(databases.find(name)));
    rulesOf(database);
    const pruneId = ids.uuid();
    background.owned.add(pruneId);
    try {
      const data = { pruneId, reason, ...withoutAbsent({ runId }) };
      const own = { ...context, correlation: pruneId };
      await recorder.record(database.id, [{ type: "PruneRequested", data }], own);
    } catch (error) {
      background.owned.delete(pruneId);
      throw error;
    }
    this.#later(database, pruneId, onBehalf(context, pruneId, pruneId));
    return this.find(pruneId);
  }

  /** Error: `NotFound` prune-not-found. */
  async find(pruneId: string): Promise<PruneState> {
    const prune = await this.#parts.projection.find("prunes", pruneId);
    if (prune !== undefined) return prune;
    throw new NotFound("prune-not-found", `There is no prune ${pruneId}`);
  }

  /** Prunes of a database, newest first. */
  list(name: string, page: Page): Promise<readonly PruneState[]> {
    const { id: databaseId } = this.#parts.databases.find(name);
    return this.#parts.projection.list("prunes", { databaseId, ...page });
  }

  /** Resolves when the prune has ended, or when `ms` milliseconds are over. */
  waitForEnd(prune: PruneState, ms: number): Promise<void> {
    return this.#parts.projection.until(() => prune.ended !== null, ms);
  }

  #later(database: DatabaseState, pruneId: string, context: Context): void {
    const { jobs, owned, report } = this.#parts.background;
    void jobs
      .run(database.id, () => this.#perform(database, pruneId, context))
      .catch(report)
      .finally(() => owned.delete(pruneId));
  }

  async #perform(database: DatabaseState, pruneId: string, context: Context): Promise<void> {
    const prune = await this.find(pruneId);
    try {
      await this.#prune(database, prune, context);
    } catch (error) {
      const data = { pruneId, error: failureOf(error), pruned: prune.pruned.length };
      await this.#parts.recorder.record(database.id, [{ type: "PruneFailed", data }], context);
    }
  }

  async #prune(database: DatabaseState, prune: PruneState, context: Context): Promise<void> {
    const { recorder, keeper, clock, projection } = this.#parts;
    const began = clock.elapsed();
    const retention = rulesOf(database);
    const plan = this.#plan(database);
    const going = plan.flatMap(({ backup, pruned }) =>
      pruned === null ? [] : [{ backupId: backup.id, because: pruned }],
    );
    await this.#requireKept(retention, plan, going.length);
    const intent = { pruneId: prune.id, retention, backups: going };
    await recorder.record(database.id, [{ type: "PruneStarted", data: intent }], context);
    const spared: string[] = [];
    const locked: string[] = [];
    let freedBytes = 0;
    for (const { backupId, because } of going) {
      const freed = await this.#remove(database, prune.id, backupId, because, context);
      if (typeof freed === "number") freedBytes += freed;
      else (freed === "locked" ? locked : spared).push(backupId);
    }
    const swept = await keeper.sweep(projection.state);
    const data = {
      pruneId: prune.id,
      pruned: prune.pruned.length,
      freedBytes: freedBytes + (swept ?? 0),
      spared,
      ...(locked.length === 0 ? {} : { locked }),
      swept: swept !== undefined,
      durationMs: Math.round(clock.elapsed() - began),
    };
    await recorder.record(database.id, [{ type: "PruneCompleted", data }], context);
  }

  /** `spared`: a hold, or something that needs it, came since the plan. `locked`: the place keeps it. */
  async #remove(
    database: DatabaseState,
    pruneId: string,
    backupId: string,
    because: PrunedBecause,
    context: Context,
  ): Promise<number | "spared" | "locked"> {
    const { guard, keeper, recorder, projection } = this.#parts;
    const holds = holdsOf(database, projection);
    if (holds.all || holds.held.has(backupId) || holds.inUse.has(backupId)) return "spared";
    if (!guard.beginRemoval(backupId, database.id)) return "spared";
    try {
      const facts = projection.state.backups.get(backupId)?.facts;
      const { freedBytes } = await keeper.store.remove(backupId);
      const sizes = { bytes: facts?.bytes ?? 0, storedBytes: facts?.storedBytes ?? 0 };
      const data = { backupId, pruneId, because, ...sizes };
      await recorder.record(database.id, [{ type: "BackupPruned", data }], context);
      return freedBytes;
    } catch (error) {
      if (failureOf(error).code === "backup-locked") return "locked";
      throw error;
    } finally {
      guard.endRemoval(backupId, database.id);
    }
  }

  /** The store must really have what is to be relied on afterwards. */
  async #requireKept(
    retention: Retention,
    plan: readonly RetainedBackup[],
    going: number,
  ): Promise<void> {
    if (going === 0) return;
    const kept = plan.filter(({ pruned, backup }) => pruned === null && isVerified(backup));
    let there = 0;
    for (const { backup } of kept)
      if ((await this.#parts.keeper.store.manifest(backup.id)) !== undefined) there += 1;
    if (there >= minVerifiedOf(retention)) return;
    throw new Conflict(
      "too-few-verified",
      `The store has ${there} verified backups to keep, ${minVerifiedOf(retention)} are needed: nothing was pruned`,
      { hint: "Take a backup, and look for those that the store has lost" },
    );
  }

  #plan(database: DatabaseState): readonly RetainedBackup[] {
    const { projection } = this.#parts;
    const own = [...projection.state.backups.values()].filter(
      ({ databaseId }) => databaseId === database.id,
    );
    return planRetention(rulesOf(database), own, holdsOf(database, projection));
  }
}

/** Without a rule that keeps something every backup but one would go: that is never meant. */
function rulesOf({ name, policy: { retention } }: DatabaseState): Retention {
  if (retention !== undefined && hasRules(retention)) return retention;
  throw new Conflict("retention-not-set", `The policy of ${name} does not say what is kept`, {
    hint: `PATCH /v1/databases/${name}/policy with retention: keepLast, daily, weekly or monthly`,
  });
}

const isVerified = ({ kind, status }: BackupState): boolean =>
  kind === "full" && status === "verified";

function holdsOf(database: DatabaseState, { state }: Projection): Holds {
  const holds = [...database.holds.values()];
  const runs = [...database.openRuns].map((id) => state.runs.get(id)?.backupId);
  const restores = [...database.openRestores]
    .map((id) => state.restores.get(id))
    .flatMap((restore) => [restore?.backupId, restore?.safetyBackupId]);
  const used = [...runs, ...restores, ...database.openVerifications];
  return {
    all:
      database.policy.retention?.legalHold === true ||
      holds.some(({ backupId }) => backupId === null),
    held: new Set(holds.flatMap(({ backupId }) => (backupId === null ? [] : [backupId]))),
    inUse: new Set(used.filter((id): id is string => typeof id === "string")),
  };
}
