import type { DatabaseJobs } from "../engine/database-jobs.ts";
import type { Meta } from "../engine/database-engine.ts";
import { DomainError } from "../shared/errors.ts";
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
  /** Names of those with work under way, or left without an outcome. */
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

  /**
   * Databases with work that has begun and not ended are skipped: theirs are not facts yet. But no
   * event beyond the ledger can have reached them, and that is looked at. What only waits, for
   * approvals, a window or its turn, has touched nothing.
   */
  async reconcile(): Promise<Reconciled> {
    const reconciled: string[] = [];
    const skipped: string[] = [];
    const findings: Disagreement[] = [];
    for (const database of this.#projection.state.databases.values()) {
      if (database.retired !== null || database.fingerprint === null) continue;
      const found = this.#isAtWork(database)
        ? undefined
        : await this.#jobs.run(database.id, async () =>
            // Its turn before may have been cut short.
            this.#isAtWork(database) ? undefined : this.#compare(database),
          );
      if (found === undefined) skipped.push(database.name);
      else reconciled.push(database.name);
      findings.push(...(found ?? (await this.#compareFence(database))));
    }
    return { reconciled, skipped, findings };
  }

  #isAtWork({ openRuns, openRestores, openAttempts }: DatabaseState): boolean {
    const { runs, restores } = this.#projection.state;
    return (
      openAttempts.size > 0 ||
      [...openRuns].some((id) => runs.get(id)?.status === "running") ||
      [...openRestores].some((id) => restores.get(id)?.status === "running")
    );
  }

  async #compare(database: DatabaseState): Promise<Disagreement[]> {
    const { name } = database;
    return this.#sessions.use(database, database.id, async (session) => {
      const { meta } = await session.engine.inspect();
      const behind = this.#behind(database, meta);
      const { data } = await this.#integrity.carryOut(database, "", "quick", session);
      const findings = data.findings
        .filter(({ severity }) => severity === "error")
        .map(({ code, message }) => ({ code, message, database: name }));
      return [...behind, ...findings];
    });
  }

  async #compareFence(database: DatabaseState): Promise<Disagreement[]> {
    try {
      const { meta } = await this.#sessions.use(database, database.id, (session) =>
        session.engine.inspect(),
      );
      return this.#behind(database, meta);
    } catch (error) {
      // Work is going on in it; it is named as skipped.
      if (error instanceof DomainError) return [];
      throw error;
    }
  }

  /** The fence is the index of the newest intent that the database has seen. */
  #behind({ id, name }: DatabaseState, meta: Meta | undefined): Disagreement[] {
    const { size } = this.#projection.state;
    if (meta === undefined || meta.databaseId !== id || meta.fence < size) return [];
    const message = `${name} has seen event ${meta.fence}, but the ledger has ${size} events: an older copy of it is in use`;
    return [{ code: "ledger-behind-database", message, database: name }];
  }
}
