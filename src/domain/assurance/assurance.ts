import { refuseFull } from "../database/queue.ts";
import { scratchFile, type BackupKeeper } from "../backup/backup-keeper.ts";
import { usable, type Background } from "../backup/backup-service.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { DomainEvent, EventOf } from "../events.ts";
import type { IntegrityService } from "../integrity/integrity-service.ts";
import type { Finding } from "../migration/events.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { NotFound, failureOf, type Failure } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { onBehalf, type Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Page } from "../state/entity-query.ts";
import type { Projection } from "../state/projection.ts";
import type { AssuranceState } from "../state/safekeeping-state.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";

export interface AssuranceParts {
  readonly databases: DatabaseService;
  readonly projection: Projection;
  readonly recorder: Recorder;
  readonly keeper: BackupKeeper;
  readonly sessions: Sessions;
  readonly integrity: IntegrityService;
  readonly background: Background;
  readonly clock: Clock;
  readonly ids: Ids;
}

export type AssuranceKind = AssuranceState["kind"];

const MAPS = { scrub: "scrubs", drill: "drills" } as const;

/** Shows that backups can be relied on: reads them all again (scrub), restores one (drill). */
export class Assurance {
  readonly #parts: AssuranceParts;

  constructor(parts: AssuranceParts) {
    this.#parts = parts;
  }

  /** Records the request; carries it out when its turn comes. */
  async request(
    kind: AssuranceKind,
    name: string,
    { reason }: { readonly reason?: string },
    context: Context,
  ): Promise<AssuranceState> {
    const { databases, recorder, background, ids } = this.#parts;
    const database = refuseFull(usable(databases.find(name)));
    const id = ids.uuid();
    const why = withoutAbsent({ reason });
    const event: DomainEvent =
      kind === "scrub"
        ? { type: "ScrubRequested", data: { scrubId: id, ...why } }
        : { type: "DrillRequested", data: { drillId: id, ...why } };
    background.owned.add(id);
    try {
      await recorder.record(database.id, [event], { ...context, correlation: id });
    } catch (error) {
      background.owned.delete(id);
      throw error;
    }
    const own = onBehalf(context, id, id);
    const work = (): Promise<void> =>
      kind === "scrub" ? this.#scrub(database, id, own) : this.#drill(database, id, own);
    void background.jobs
      .run(database.id, work)
      .catch(background.report)
      .finally(() => background.owned.delete(id));
    return this.find(kind, id);
  }

  /** Error: `NotFound` scrub-not-found | drill-not-found. */
  async find(kind: AssuranceKind, id: string): Promise<AssuranceState> {
    const found = await this.#parts.projection.find(MAPS[kind], id);
    if (found !== undefined) return found;
    throw kind === "scrub"
      ? new NotFound("scrub-not-found", `There is no scrub ${id}`)
      : new NotFound("drill-not-found", `There is no drill ${id}`);
  }

  /** Those of a database, newest first. */
  list(kind: AssuranceKind, name: string, page: Page): Promise<readonly AssuranceState[]> {
    const { id: databaseId } = this.#parts.databases.find(name);
    return this.#parts.projection.list(MAPS[kind], { databaseId, ...page });
  }

  /** Resolves when it has ended, or when `ms` milliseconds are over. */
  waitForEnd(assurance: AssuranceState, ms: number): Promise<void> {
    return this.#parts.projection.until(() => assurance.ended !== null, ms);
  }

  async #scrub(database: DatabaseState, scrubId: string, context: Context): Promise<void> {
    const began = this.#parts.clock.elapsed();
    const verified: string[] = [];
    const damaged: string[] = [];
    const unread: { backupId: string; error: Failure }[] = [];
    let bytes = 0;
    for (const backup of this.#stored(database)) {
      const error = await this.#read(database, scrubId, backup, context);
      if (error === undefined) {
        verified.push(backup.id);
        bytes += backup.facts?.bytes ?? 0;
      } else if (backup.status === "damaged") damaged.push(backup.id);
      else unread.push({ backupId: backup.id, error });
    }
    const status = damaged.length > 0 ? "failed" : unread.length > 0 ? "aborted" : "passed";
    const durationMs = this.#since(began);
    const facts = { scrubId, status, verified, damaged, unread, bytes, durationMs } as const;
    const completed = { type: "ScrubCompleted", data: facts } as const;
    await this.#record(database, context, completed, ...alertOfScrub(database, completed));
  }

  /** Undefined: it is as it was recorded. Damage is recorded by the keeper, with its alert. */
  async #read(
    database: DatabaseState,
    operation: string,
    { facts, kind }: BackupState,
    context: Context,
  ): Promise<Failure | undefined> {
    const { keeper, sessions } = this.#parts;
    const scratch = await keeper.store.scratch(operation);
    try {
      await sessions.use(database, operation, async (session) => {
        const event = await keeper.reread(session, database, facts!, kind, scratch, context);
        if (event !== undefined) await this.#record(database, context, event);
      });
      return undefined;
    } catch (error) {
      return failureOf(error);
    } finally {
      await scratch.dispose();
    }
  }

  async #drill(database: DatabaseState, drillId: string, context: Context): Promise<void> {
    const { projection, keeper } = this.#parts;
    const backup = projection.state.backups.get(database.lastBackup ?? "");
    const scratch = await keeper.store.scratch(drillId);
    try {
      const completed = await this.#examine(database, drillId, backup, scratch.path, context);
      await this.#record(database, context, completed, ...alertOfDrill(database, completed));
    } finally {
      await scratch.dispose();
    }
  }

  async #examine(
    database: DatabaseState,
    drillId: string,
    backup: BackupState | undefined,
    path: string,
    context: Context,
  ): Promise<EventOf<"DrillCompleted">> {
    const { keeper, sessions, integrity, clock } = this.#parts;
    const facts = backup?.facts ?? null;
    const nothing = {
      drillId,
      backupId: backup?.id ?? null,
      rows: 0,
      bytes: 0,
      restoreMs: 0,
      checkMs: 0,
    };
    if (facts === null) return drilled({ ...nothing, status: "failed", findings: [NONE] });
    const scratch = { path, dispose: () => Promise.resolve() };
    const began = clock.elapsed();
    try {
      const verified = await sessions.use(database, drillId, (session) =>
        keeper.verify(session, database, facts, scratch, context),
      );
      const restoreMs = this.#since(began);
      // The copy as if it were the database, with what was applied then.
      const url = scratchFile(scratch);
      const copy = { ...database, url, incarnation: facts.incarnation };
      const { findings, durationMs } = await sessions.use(copy, drillId, (session) =>
        integrity.examine(session, facts),
      );
      const failed = findings.some(({ severity }) => severity === "error");
      const status = failed ? "failed" : "passed";
      const { rows } = verified.data;
      const times = { restoreMs, checkMs: durationMs };
      return drilled({ ...nothing, status, findings, rows, bytes: facts.bytes, ...times });
    } catch (error) {
      const { code, message, hint } = failureOf(error);
      const finding: Finding = { severity: "error", code, message, ...withoutAbsent({ hint }) };
      const status = code.startsWith("executor-") ? "aborted" : "failed";
      return drilled({ ...nothing, status, findings: [finding] });
    }
  }

  /** Everything that the store should have of the database, newest first. */
  #stored(database: DatabaseState): BackupState[] {
    return [...this.#parts.projection.state.backups.values()]
      .filter(
        ({ databaseId, facts, status }) =>
          databaseId === database.id &&
          facts !== null &&
          (status === "verified" || status === "completed"),
      )
      .toReversed();
  }

  #since(began: number): number {
    return Math.round(this.#parts.clock.elapsed() - began);
  }

  async #record(
    database: DatabaseState,
    context: Context,
    ...events: readonly DomainEvent[]
  ): Promise<void> {
    await this.#parts.recorder.record(database.id, events, context);
  }
}

const drilled = (data: EventOf<"DrillCompleted">["data"]): EventOf<"DrillCompleted"> => ({
  type: "DrillCompleted",
  data,
});

const NONE: Finding = {
  severity: "error",
  code: "no-verified-backup",
  message: "There is no verified backup to restore",
  hint: "Take a backup now",
};

function alertOfScrub(
  { name }: DatabaseState,
  { data: { scrubId, status, damaged } }: EventOf<"ScrubCompleted">,
): EventOf<"AlertRaised">[] {
  if (status === "passed") return [];
  const message =
    status === "failed"
      ? `${damaged.length} backups of ${name} are damaged`
      : `Backups of ${name} could not be read`;
  const severity = status === "failed" ? "critical" : "warning";
  const about = { kind: "scrub", id: scrubId } as const;
  const data = {
    alertId: `scrub:${scrubId}`,
    code: "scrub-failed",
    severity,
    message,
    about,
  } as const;
  return [{ type: "AlertRaised", data }];
}

function alertOfDrill(
  { name }: DatabaseState,
  { data: { drillId, status, findings } }: EventOf<"DrillCompleted">,
): EventOf<"AlertRaised">[] {
  if (status === "passed") return [];
  const worst = findings.find(({ severity }) => severity === "error");
  const message = `The restore drill of ${name} ${status}: ${worst?.message ?? ""}`;
  const severity = status === "failed" ? "critical" : "warning";
  const about = { kind: "drill", id: drillId } as const;
  const data = {
    alertId: `drill:${drillId}`,
    code: "drill-failed",
    severity,
    message,
    about,
  } as const;
  return [{ type: "AlertRaised", data }];
}
