import type { DatabaseJobs } from "../engine/database-jobs.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { IntegrityService } from "../integrity/integrity-service.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState } from "../state/state.ts";

/** Something in which a database and the ledger disagree. */
export interface Disagreement {
  readonly code: string;
  readonly message: string;
  readonly database: string;
}

export interface Reconciled {
  /** Names of the databases that were compared. */
  readonly reconciled: readonly string[];
  /** Names of those that were at work or could not be asked. */
  readonly skipped: readonly string[];
  readonly findings: readonly Disagreement[];
}

/**
 * Compares every managed database's own record (markers, fence, schema) with the ledger. A ledger
 * that was replaced by an older copy of itself is whole in itself: only the databases, which have
 * seen later events, can tell.
 */
export class Reconciliation {
  readonly #projection: Projection;
  readonly #sessions: Sessions;
  readonly #integrity: IntegrityService;
  readonly #jobs: DatabaseJobs;

  constructor(
    projection: Projection,
    sessions: Sessions,
    integrity: IntegrityService,
    jobs: DatabaseJobs,
  ) {
    this.#projection = projection;
    this.#sessions = sessions;
    this.#integrity = integrity;
    this.#jobs = jobs;
  }

  /** Databases with runs that have not ended are skipped: theirs are not facts yet. */
  async reconcile(): Promise<Reconciled> {
    const reconciled: string[] = [];
    const skipped: string[] = [];
    const findings: Disagreement[] = [];
    for (const database of this.#projection.state.databases.values()) {
      if (database.retired !== null || database.fingerprint === null) continue;
      if (database.openRuns.size > 0 || database.openRestores.size > 0) {
        skipped.push(database.name);
        continue;
      }
      const found = await this.#jobs.run(database.id, () => this.#compare(database));
      reconciled.push(database.name);
      findings.push(...found);
    }
    return { reconciled, skipped, findings };
  }

  async #compare(database: DatabaseState): Promise<Disagreement[]> {
    const { name } = database;
    return this.#sessions.use(database, database.id, async (session) => {
      const { meta } = await session.engine.inspect();
      const { size } = this.#projection.state;
      const { data } = await this.#integrity.carryOut(database, "", "quick", session);
      const findings = data.findings
        .filter(({ severity }) => severity === "error")
        .map(({ code, message }) => ({ code, message, database: name }));
      if (meta === undefined || meta.databaseId !== database.id || meta.fence < size)
        return findings;
      const message = `${name} has seen event ${meta.fence}, but the ledger has ${size} events: an older copy of it is in use`;
      return [{ code: "ledger-behind-database", message, database: name }, ...findings];
    });
  }
}
