import type { StoredContent } from "../backup/backup-store.ts";
import type {
  TableBackupRequest,
  TableBackupResult,
  StepResult,
} from "../engine/database-engine.ts";
import type { EventOf } from "../events.ts";
import type { Job, StepDependencies } from "./step-runner.ts";

/** Keeps the tables that a step rebuilds, drops or deletes from, before its first statement. */
export class TableSaver {
  readonly #deps: StepDependencies;
  readonly #job: Job;
  #attempt = "";

  constructor(deps: StepDependencies, job: Job) {
    this.#deps = deps;
    this.#job = job;
  }

  /** A place for those of the named tables that exist; null if none does. */
  async prepare(named: readonly string[], attempt: string): Promise<TableBackupRequest | null> {
    this.#attempt = attempt;
    const { schema, policy } = this.#job.database;
    if (policy.backup === "none") return null;
    const wanted = new Set(named.map(fold));
    const tables = schema
      .filter(({ type, name }) => type === "table" && namesOf(name).some((one) => wanted.has(one)))
      .map(({ name }) => name);
    if (tables.length === 0) return null;
    const backupId = this.#deps.ids.uuid();
    return { backupId, tables, access: await this.#deps.keeper.store.begin(backupId, null) };
  }

  /**
   * Publishes and records copied tables; the step holds the database's lock meanwhile. Tables that
   * the run's verified backup contains are recorded with the step's outcome.
   */
  async saved(result: TableBackupResult): Promise<void> {
    if (result.method === "contained") return;
    const { keeper, recorder, ledger } = this.#deps;
    const { database, context } = this.#job;
    const { backupId, tables: rows, content } = result;
    const { fingerprint, incarnation } = database;
    const saved = { content: content!, fingerprint, rows, applied: [], incarnation };
    const checkpoint = ledger.newestCheckpoint()?.note ?? null;
    const manifest = keeper.manifestOf(database, backupId, "table", saved, checkpoint);
    await keeper.store.publish(backupId, manifest);
    await recorder.record(database.id, [this.#event(result)], context);
  }

  /** What is left to record after the step: tables that the run's full backup already holds. */
  async outcome(
    request: TableBackupRequest | null,
    result: StepResult,
  ): Promise<EventOf<"TableBackupCompleted">[]> {
    if (request === null) return [];
    const { tableBackup } = result;
    if (tableBackup?.method === "copied") return [];
    await this.#deps.keeper.store.discard(request.backupId);
    return tableBackup === undefined ? [] : [this.#event(tableBackup)];
  }

  #event({
    backupId,
    tables,
    method,
    content,
  }: TableBackupResult): EventOf<"TableBackupCompleted"> {
    const { id: runId, backupId: within } = this.#job.run;
    return {
      type: "TableBackupCompleted",
      data: {
        backupId,
        runId,
        attempt: this.#attempt,
        tables,
        method,
        ...(method === "contained" && within !== null ? { within } : {}),
        ...(content === undefined ? {} : sizesOf(content)),
      },
    };
  }
}

const sizesOf = ({ bytes, storedBytes, sha256 }: StoredContent) => ({ bytes, storedBytes, sha256 });

/** PostgreSQL's tables are called with their schema, and without it in most scripts. */
const namesOf = (name: string): string[] => [fold(name), fold(name.slice(name.indexOf(".") + 1))];

/** SQLite and PostgreSQL compare unquoted names without ASCII case. */
const fold = (name: string): string => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
