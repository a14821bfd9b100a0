import type { StoreAccess } from "../../../domain/backup/backup-store.ts";
import type {
  CheckResult,
  CopyVerified,
  DatabaseEngine,
  DatabaseTarget,
  ExportRequest,
  Histories,
  HistoriesRequest,
  Inspection,
  LiveSchema,
  MarkedSchema,
  PageComparison,
  RawCopy,
  Recovered,
  RehearsalRequest,
  RehearsalResult,
  Restored,
  RestoreRequest,
  SchemaReached,
  Snapshot,
  StepRequest,
  StepResult,
  StoredCopy,
  TableBackupRequest,
  TableBackupResult,
  TableRestoreRequest,
  TablesRestored,
} from "../../../domain/engine/database-engine.ts";
import type { Exercise, ExerciseRequest } from "../../../domain/engine/exercise.ts";
import type { SessionHost } from "../../../domain/engine/executor.ts";
import type { Linted, LintRequest } from "../../../domain/lint/lint-request.ts";
import type { CheckLevel } from "../../../domain/integrity/events.ts";
import { Unavailable } from "../../../domain/shared/errors.ts";
import { fetchContent } from "../../page-store/store-access.ts";
import { Succession } from "../../step/succession.ts";
import { readAddress } from "../connection/address.ts";
import { CarriedCatalog } from "./carried-catalog.ts";
import { check } from "./check.ts";
import { Connections } from "./connections.ts";
import { inspect, install, readSchema } from "./inspect.ts";
import { Recovery } from "./recovery.ts";
import { rehearse } from "./rehearse.ts";
import { restore } from "./restore.ts";
import { ScratchDatabases } from "./scratch.ts";
import { ownTables, type Faults, type Session } from "./session.ts";
import { takeSnapshot } from "./snapshot.ts";
import { applySteps } from "./step.ts";
import { saveTables } from "./table-backup.ts";
import { verifyCopy } from "./verify-copy.ts";

export interface PostgresEngineOptions {
  readonly faults?: Faults;
  /** Of the target's user, if there is one. */
  readonly password?: string | undefined;
}

/** `DatabaseEngine` for PostgreSQL databases. One operation at a time. Needs `loadParser`. */
export class PostgresEngine implements DatabaseEngine {
  readonly #session: Session;
  readonly #recovery: Recovery;
  /** The end of the steps that were sent last. */
  #steps: Promise<unknown> = Promise.resolve();

  constructor(target: DatabaseTarget, host: SessionHost, options: PostgresEngineOptions = {}) {
    const { address } = readAddress(target.url);
    this.#session = {
      target,
      host,
      address,
      connections: new Connections(address, options.password, target.databaseId),
      faults: options.faults ?? (() => {}),
      succession: new Succession(),
      own: ownTables(address),
      carried: new CarriedCatalog(),
      scratch: new ScratchDatabases(() => this.#session),
    };
    this.#recovery = new Recovery(this.#session);
  }

  inspect(): Promise<Inspection> {
    return inspect(this.#session);
  }

  install(fence: number): Promise<LiveSchema> {
    return install(this.#session, fence);
  }

  schema(): Promise<MarkedSchema> {
    return readSchema(this.#session);
  }

  histories(_request: HistoriesRequest): Promise<Histories> {
    return notYet("Adopting another tool's history");
  }

  snapshot(access: StoreAccess): Promise<Snapshot> {
    return takeSnapshot(this.#session, access);
  }

  saveTables(request: TableBackupRequest): Promise<TableBackupResult> {
    return saveTables(this.#session, request);
  }

  rawCopy(_access: StoreAccess): Promise<RawCopy> {
    return notYet("A copy of the files");
  }

  verify(stored: StoredCopy, scratchPath: string): Promise<CopyVerified> {
    return verifyCopy(this.#session, stored, scratchPath);
  }

  fetch(access: StoreAccess, directory: string): Promise<readonly string[]> {
    return fetchContent(access, directory);
  }

  rehearse(request: RehearsalRequest): Promise<RehearsalResult> {
    return rehearse(this.#session, request);
  }

  /** Steps that are sent while others run wait for their end. */
  applySteps(steps: readonly StepRequest[]): Promise<readonly StepResult[]> {
    const results = this.#steps.then(() => applySteps(this.#session, steps));
    this.#steps = results.catch(() => undefined);
    return results;
  }

  beginRecovery(lockTimeoutMs: number): Promise<void> {
    return this.#recovery.begin(lockTimeoutMs);
  }

  finishRecovery(token: number, attempts: readonly string[]): Promise<Recovered> {
    return this.#recovery.finish(token, attempts);
  }

  /** Nothing can be followed without a server. */
  follow(): Promise<readonly SchemaReached[]> {
    return Promise.resolve([]);
  }

  restore(request: RestoreRequest): Promise<Restored> {
    return restore(this.#session, request);
  }

  restoreTables(_request: TableRestoreRequest): Promise<TablesRestored> {
    return notYet("A restore of single tables");
  }

  digestOf(_scratchPath: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
    return notYet("A restore to a file");
  }

  exportCopy(_request: ExportRequest): Promise<void> {
    return notYet("A restore to a file");
  }

  settleExport(_request: ExportRequest): Promise<boolean> {
    return Promise.resolve(false);
  }

  check(level: CheckLevel): Promise<CheckResult> {
    return check(this.#session, level);
  }

  /** Others write at any time, and the server compares checksums by itself. */
  comparePages(): Promise<PageComparison> {
    return Promise.resolve({ compared: false, findings: [] });
  }

  exercise(_request: ExerciseRequest): Promise<Exercise> {
    return notYet("Testing migrations");
  }

  lint(_request: LintRequest): Promise<Linted> {
    return notYet("Linting migrations");
  }

  /** Drops restored copies and closes every connection: what is open rolls back. */
  async close(): Promise<void> {
    this.#recovery.abandon();
    this.#session.connections.discard();
    await this.#session.scratch.dropAll();
    this.#session.connections.closeAll();
  }
}

const notYet = (what: string): Promise<never> =>
  Promise.reject(
    new Unavailable("not-for-postgres", `${what} is not there yet for PostgreSQL databases`, {
      hint: "docs/guides/postgres-databases.md says what there is",
    }),
  );
