import { refuseFull } from "../database/queue.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { DatabaseJobs } from "../engine/database-jobs.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict, InvalidInput, NotFound, failureOf } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import type { Owned } from "../shared/owned.ts";
import { decide, onBehalf, type Recorder } from "../shared/recorder.ts";
import type { Page } from "../state/entity-query.ts";
import type { Projection } from "../state/projection.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";
import { BackupKeeper } from "./backup-keeper.ts";
import type { BackupFacts } from "./events.ts";

/** What the service needs to do work after the answer was given. */
export interface Background {
  readonly jobs: DatabaseJobs;
  readonly owned: Owned;
  /** Errors that are recorded already are not reported; this is for those that cannot be. */
  readonly report: (error: unknown) => void;
}

/** Backups on request, and their verification. */
export class BackupService {
  readonly #databases: DatabaseService;
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #keeper: BackupKeeper;
  readonly #sessions: Sessions;
  readonly #background: Background;
  readonly #ids: Ids;

  constructor(
    databases: DatabaseService,
    projection: Projection,
    recorder: Recorder,
    keeper: BackupKeeper,
    sessions: Sessions,
    background: Background,
    ids: Ids,
  ) {
    this.#databases = databases;
    this.#projection = projection;
    this.#recorder = recorder;
    this.#keeper = keeper;
    this.#sessions = sessions;
    this.#background = background;
    this.#ids = ids;
  }

  /** Records the intent and takes and verifies the backup when its turn comes. */
  async request(
    name: string,
    input: { readonly kind?: "full" | "table"; readonly tables?: readonly string[] },
    context: Context,
  ): Promise<BackupState> {
    const database = refuseFull(usable(this.#databases.find(name)));
    const tables = tablesOf(database, input);
    const intent = tables === undefined ? "full" : "table";
    const backupId = this.#ids.uuid();
    const own = { ...context, correlation: backupId };
    this.#background.owned.add(backupId);
    try {
      await this.#recorder.record(
        database.id,
        [BackupKeeper.intent(backupId, "manual", intent, tables === undefined ? {} : { tables })],
        own,
      );
    } catch (error) {
      this.#background.owned.delete(backupId);
      throw error;
    }
    const later = onBehalf(context, backupId, backupId);
    this.#later(database, () => this.#take(database, backupId, tables, later), backupId);
    return this.find(backupId);
  }

  /** Verifies a completed backup again when its turn comes. */
  async requestVerification(backupId: string, context: Context): Promise<BackupState> {
    const backup = await this.find(backupId);
    const facts = verifiable(backup);
    const database = this.#databases.find(backup.databaseId);
    const { owned } = this.#background;
    const intent = { type: "BackupVerificationRequested", data: { backupId } } as const;
    owned.add(backupId);
    try {
      // Nothing may be recorded of a backup that was pruned meanwhile.
      await decide(async () => {
        const expected = database.streamVersion;
        verifiable(backup);
        const own = { ...context, correlation: backupId };
        await this.#recorder.record(database.id, [intent], own, { expected });
      });
    } catch (error) {
      owned.delete(backupId);
      throw error;
    }
    const own = onBehalf(context, backupId, backupId);
    this.#later(database, () => this.#verify(database, facts, own), backupId);
    return backup;
  }

  /** Error: `NotFound` backup-not-found. */
  async find(backupId: string): Promise<BackupState> {
    const backup = await this.#projection.find("backups", backupId);
    if (backup !== undefined) return backup;
    throw new NotFound("backup-not-found", `There is no backup ${backupId}`);
  }

  /** Backups of a database, newest first. */
  list(name: string, page: Page): Promise<readonly BackupState[]> {
    const { id: databaseId } = this.#databases.find(name);
    return this.#projection.list("backups", { databaseId, ...page });
  }

  #later(database: DatabaseState, work: () => Promise<void>, id: string): void {
    const { jobs, owned, report } = this.#background;
    void jobs
      .run(database.id, work)
      .catch(report)
      .finally(() => owned.delete(id));
  }

  async #take(
    database: DatabaseState,
    backupId: string,
    tables: readonly string[] | undefined,
    context: Context,
  ): Promise<void> {
    const facts = await this.#save(database, backupId, tables, context);
    if (facts?.fingerprint != null) await this.#verify(database, facts, context);
  }

  /** Undefined when the backup failed: the keeper has recorded why. */
  async #save(
    database: DatabaseState,
    backupId: string,
    tables: readonly string[] | undefined,
    context: Context,
  ): Promise<BackupFacts | undefined> {
    try {
      return await this.#sessions.use(database, backupId, (session) =>
        tables === undefined
          ? this.#keeper.save(session, database, backupId, context)
          : this.#keeper.saveTables(session, database, backupId, tables, context),
      );
    } catch (error) {
      if ((await this.find(backupId)).status === "failed") return undefined;
      throw error;
    }
  }

  async #verify(database: DatabaseState, facts: BackupFacts, context: Context): Promise<void> {
    try {
      const verified = await this.#compared(database, facts, context);
      await this.#recorder.record(database.id, [verified], context);
    } catch (error) {
      await this.#abort(database, facts.backupId, error, context);
    }
  }

  async #compared(
    database: DatabaseState,
    facts: BackupFacts,
    context: Context,
  ): ReturnType<BackupKeeper["verify"]> {
    const scratch = await this.#keeper.store.scratch(facts.backupId);
    try {
      return await this.#sessions.use(database, facts.backupId, (session) =>
        this.#keeper.verify(session, database, facts, scratch, context),
      );
    } finally {
      await scratch.dispose();
    }
  }

  /** Damage has been recorded by the keeper; whatever else kept it from being verified is here. */
  async #abort(
    database: DatabaseState,
    backupId: string,
    error: unknown,
    context: Context,
  ): Promise<void> {
    if ((await this.find(backupId)).status === "damaged") return;
    const data = { backupId, error: failureOf(error) };
    await this.#recorder.record(
      database.id,
      [{ type: "BackupVerificationAborted", data }],
      context,
    );
  }
}

function verifiable({ id, kind, status, facts }: BackupState): BackupFacts {
  if (facts !== null && kind === "full" && status !== "pruned") return facts;
  throw new Conflict("backup-not-complete", `Backup ${id} cannot be verified`, {
    hint: "Only completed full backups can; its status tells how far it is",
  });
}

/** Undefined for a full backup; otherwise tables that the ledger knows. */
function tablesOf(
  database: DatabaseState,
  { kind, tables }: { readonly kind?: "full" | "table"; readonly tables?: readonly string[] },
): readonly string[] | undefined {
  if (kind !== "table" && tables === undefined) return undefined;
  if (kind === "full" || tables === undefined || tables.length === 0)
    throw new InvalidInput("tables-and-kind", "Tables are named for kind table, and only for it");
  const known = new Set(
    database.schema.filter(({ type }) => type === "table").map((table) => table.name),
  );
  const missing = tables.find((name) => !known.has(name));
  if (missing !== undefined)
    throw new InvalidInput("table-not-found", `There is no table ${missing}`, {
      hint: `GET /v1/databases/${database.name}/schema lists them`,
    });
  return tables;
}

/** Refuses retired databases. */
export function usable(database: DatabaseState): DatabaseState {
  if (database.retired !== null)
    throw new Conflict("database-retired", `Database ${database.name} is retired`);
  return database;
}
