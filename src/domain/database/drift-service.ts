import type { BackupService } from "../backup/backup-service.ts";
import type { RestoreService } from "../backup/restore-service.ts";
import type { LiveSchema } from "../engine/database-engine.ts";
import type { DatabaseJobs } from "../engine/database-jobs.ts";
import type { Sessions } from "../engine/sessions.ts";
import { databaseStream, type DomainEvent } from "../events.ts";
import type { Circumstances } from "../governance/demands.ts";
import type { IntegrityService } from "../integrity/integrity-service.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { diffSchema, type SchemaChange } from "../schema/schema.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict } from "../shared/errors.ts";
import type { Projection } from "../state/projection.ts";
import type { BackupState, DatabaseState, RestoreState } from "../state/state.ts";
import type { DatabaseService } from "./database-service.ts";
import { busy, refuseBusy } from "./refuse-busy.ts";

/** What a look at the live schema found. */
export interface DriftReport {
  readonly expected: string;
  readonly found: string;
  readonly differences: readonly SchemaChange[];
}

export interface DriftDependencies {
  readonly databases: DatabaseService;
  readonly backups: BackupService;
  readonly restores: RestoreService;
  readonly ledger: Ledger;
  readonly sessions: Sessions;
  readonly jobs: DatabaseJobs;
  readonly integrity: IntegrityService;
  readonly projection: Pick<Projection, "state">;
}

/** Backups looked at at a time. */
const PAGE = 100;

/** Finds schemas that were changed past the ledger, and records what is decided about them. */
export class DriftService {
  readonly #databases: DatabaseService;
  readonly #backups: BackupService;
  readonly #restores: RestoreService;
  readonly #ledger: Ledger;
  readonly #sessions: Sessions;
  readonly #jobs: DatabaseJobs;
  readonly #integrity: IntegrityService;
  readonly #projection: Pick<Projection, "state">;

  constructor(parts: DriftDependencies) {
    this.#databases = parts.databases;
    this.#backups = parts.backups;
    this.#restores = parts.restores;
    this.#ledger = parts.ledger;
    this.#sessions = parts.sessions;
    this.#jobs = parts.jobs;
    this.#integrity = parts.integrity;
    this.#projection = parts.projection;
  }

  /** The schema the database has at this moment. Nothing is recorded. */
  live(database: DatabaseState): Promise<LiveSchema> {
    refuseRetired(database);
    return this.#sessions.use(database, database.id, ({ engine }) => engine.schema());
  }

  /**
   * Compares the live schema with the ledger's and records what was found. `patient`: does not mind
   * runs and restores that wait, and has those that are at work end first.
   */
  async check(
    name: string,
    context: Context,
    { patient = false }: { readonly patient?: boolean } = {},
  ): Promise<DriftReport> {
    const look = async (database: DatabaseState): Promise<DriftReport> => {
      const live = await this.live(database);
      const report = reportOf(database, live);
      await this.#record(database, foundEvents(database, report), context);
      return report;
    };
    return patient ? this.#inTime(name, look) : this.#inTurn(name, look);
  }

  /**
   * The live schema becomes the ledger's. `found` is the fingerprint that was looked at: what has
   * changed since is not adopted unseen. Errors: `Conflict` no-drift | drift-changed.
   */
  async adopt(
    name: string,
    { found, reason }: { readonly found: string; readonly reason: string },
    context: Context,
  ): Promise<DatabaseState> {
    return this.#inTurn(name, async (database) => {
      const live = await this.live(database);
      const report = reportOf(database, live);
      if (report.found === report.expected) throw noDrift(database);
      if (report.found !== found) throw driftChanged(database, report.found);
      const { fingerprint, engineVersion, schema } = live;
      const adopted = { fingerprint, engineVersion, schema };
      const known = database.drift?.found === found ? [] : foundEvents(database, report);
      await this.#record(
        database,
        [
          ...known,
          { type: "DriftResolved", data: { decision: "adopted", found, reason, adopted } },
        ],
        context,
      );
      return database;
    });
  }

  /**
   * Brings the ledger's schema back by restoring the newest backup that has it; what was written
   * since is in the restore's own safety backup. The drift is resolved when that has been done. Errors: `Conflict` no-drift | no-backup-of-schema,
   * and those of a restore.
   */
  async revert(
    name: string,
    { reason, ...circumstances }: Circumstances & { readonly reason: string },
    context: Context,
  ): Promise<RestoreState> {
    const database = this.#databases.find(name);
    const { drift } = database;
    if (drift === null) throw noDrift(database);
    const backup = await this.#backupOf(database);
    if (backup === undefined) throw noBackup(database);
    const order = { backupId: backup.id, reverts: drift.found, reason, ...circumstances };
    return this.#restores.request(name, order, context);
  }

  /**
   * Ends a quarantine once the database was looked at and is what the ledger says. Errors:
   * `Conflict` not-quarantined | step-unresolved | release-refused (with the findings).
   */
  async release(name: string, reason: string, context: Context): Promise<DatabaseState> {
    return this.#inTurn(name, async (database) => {
      if (database.quarantine === null)
        throw new Conflict("not-quarantined", `${database.name} is not quarantined`);
      if (database.openAttempts.size > 0) throw stepUnresolved(database);
      const { data } = await this.#sessions.use(database, database.id, (session) =>
        this.#integrity.carryOut(database, "", "quick", session),
      );
      if (data.status !== "passed")
        throw new Conflict("release-refused", `${database.name} is not what the ledger says`, {
          hint: "Restore a backup, or adopt the drift if it is meant, then release it",
          details: { findings: data.findings },
        });
      await this.#record(database, [{ type: "DatabaseReleased", data: { reason } }], context);
      return database;
    });
  }

  /** The newest verified one that has the ledger's schema. */
  async #backupOf({ id, fingerprint }: DatabaseState): Promise<BackupState | undefined> {
    for (let before: number | undefined; ;) {
      const page = { limit: PAGE, ...(before === undefined ? {} : { before }) };
      const backups = await this.#backups.list(id, page);
      const found = backups.find(
        ({ kind, status, facts }) =>
          kind === "full" && status === "verified" && facts?.fingerprint === fingerprint,
      );
      if (found !== undefined || backups.length < PAGE) return found;
      before = backups.at(-1)!.started.index;
    }
  }

  /** Whatever is at work has its turn before; what is left open then has to be recovered first. */
  async #inTime<T>(name: string, work: (database: DatabaseState) => Promise<T>): Promise<T> {
    const { id } = this.#databases.find(name);
    return this.#jobs.run(id, async () => {
      const database = this.#databases.find(id);
      refuseRetired(database);
      if (database.openAttempts.size > 0 || database.fingerprint === null) throw busy(database);
      return work(database);
    });
  }

  async #inTurn<T>(name: string, work: (database: DatabaseState) => Promise<T>): Promise<T> {
    const { id } = this.#databases.find(name);
    refuseBusy(this.#databases.find(id), this.#projection.state);
    return this.#jobs.run(id, async () => {
      const database = this.#databases.find(id);
      refuseRetired(database);
      refuseBusy(database, this.#projection.state);
      return work(database);
    });
  }

  async #record(
    database: DatabaseState,
    events: readonly DomainEvent[],
    context: Context,
  ): Promise<void> {
    const stream = databaseStream(database.id);
    await this.#ledger.append({ stream, expected: "exists", events, context });
  }
}

const reportOf = (database: DatabaseState, live: LiveSchema): DriftReport => ({
  expected: database.fingerprint!,
  found: live.fingerprint,
  differences:
    database.fingerprint === live.fingerprint ? [] : diffSchema(database.schema, live.schema),
});

/** A drift that is gone without a decision of anybody's here is recorded as gone. */
function foundEvents(database: DatabaseState, report: DriftReport): DomainEvent[] {
  if (report.found !== report.expected) return [{ type: "DriftDetected", data: report }];
  const checked: DomainEvent = { type: "DriftChecked", data: { fingerprint: report.found } };
  if (database.drift === null) return [checked];
  const { found } = database.drift;
  const reason = "The database has the ledger's schema again";
  return [checked, { type: "DriftResolved", data: { decision: "gone", found, reason } }];
}

function refuseRetired({ name, retired }: DatabaseState): void {
  if (retired !== null) throw new Conflict("database-retired", `${name} is no longer managed`);
}

const noDrift = ({ name }: DatabaseState): Conflict =>
  new Conflict("no-drift", `${name} has the ledger's schema`, {
    hint: "There is nothing to decide",
  });

const driftChanged = ({ name }: DatabaseState, found: string): Conflict =>
  new Conflict("drift-changed", `${name} has another schema than the one decided on`, {
    hint: "Look at the difference again and decide on the fingerprint found now",
    details: { found },
  });

const noBackup = ({ name }: DatabaseState): Conflict =>
  new Conflict("no-backup-of-schema", `No verified backup of ${name} has the ledger's schema`, {
    hint: "Undo the change by hand, or adopt it",
  });

const stepUnresolved = ({ name }: DatabaseState): Conflict =>
  new Conflict("step-unresolved", `Nobody can say whether a step of ${name} was applied`, {
    hint: "Restore a backup: its markers decide",
  });
