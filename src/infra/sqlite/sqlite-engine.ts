import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import type {
  CheckResult,
  CopyVerified,
  DatabaseEngine,
  DatabaseTarget,
  ExportRequest,
  Histories,
  HistoriesRequest,
  PageComparison,
  PagesToCompare,
  Inspection,
  LiveSchema,
  MarkedSchema,
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
} from "../../domain/engine/database-engine.ts";
import type { Exercise, ExerciseRequest } from "../../domain/engine/exercise.ts";
import { judge, type Linted, type LintRequest } from "../../domain/lint/lint-request.ts";
import type { SessionHost } from "../../domain/engine/executor.ts";
import type { CheckLevel } from "../../domain/integrity/events.ts";
import { fetchContent } from "../page-store/store-access.ts";
import { comparePages } from "./compare-pages.ts";
import { check } from "./check.ts";
import { Connections } from "./connections.ts";
import { exercise } from "./exercise.ts";
import { lintRun } from "./lint/lint-run.ts";
import { readHistories } from "./histories.ts";
import { hashFile, type FileDigest } from "./files.ts";
import { followSchema } from "./follow-schema.ts";
import { inspect, install, readSchema } from "./inspect.ts";
import { rawCopy } from "./raw-copy.ts";
import { Recovery } from "./recovery.ts";
import { rehearse } from "./rehearse.ts";
import { exportCopy, settleExport } from "./export-copy.ts";
import { restore } from "./restore.ts";
import { restoreTables } from "./restore-tables.ts";
import type { Faults, Session } from "./session.ts";
import { takeSnapshot } from "./snapshot.ts";
import { StatementProgress } from "./statement-progress.ts";
import { applySteps } from "./step.ts";
import { Succession } from "../step/succession.ts";
import { saveTables } from "./table-backup.ts";
import { verifyCopy } from "./verify-copy.ts";

/**
 * `DatabaseEngine` for SQLite files. Blocks its process while SQLite works and reacts to nothing
 * then, so it belongs in a process of its own that can be killed. One operation at a time.
 */
export class SqliteEngine implements DatabaseEngine {
  readonly #session: Session;
  readonly #recovery: Recovery;
  /** The end of the steps that were sent last. */
  #steps: Promise<unknown> = Promise.resolve();

  constructor(
    target: DatabaseTarget,
    host: SessionHost,
    options: { readonly faults?: Faults } = {},
  ) {
    this.#session = {
      target,
      host,
      connections: new Connections(target.url),
      statements: new StatementProgress(host),
      faults: options.faults ?? (() => {}),
      succession: new Succession(),
      snapshot: undefined,
      touched: new Set(),
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

  histories(request: HistoriesRequest): Promise<Histories> {
    return readHistories(this.#session, request);
  }

  snapshot(access: StoreAccess): Promise<Snapshot> {
    return takeSnapshot(this.#session, access);
  }

  saveTables(request: TableBackupRequest): Promise<TableBackupResult> {
    return saveTables(this.#session, request);
  }

  rawCopy(access: StoreAccess): Promise<RawCopy> {
    return rawCopy(this.#session, access);
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

  async follow(...args: Parameters<typeof followSchema>): Promise<readonly SchemaReached[]> {
    return followSchema(...args);
  }

  restore(request: RestoreRequest): Promise<Restored> {
    return restore(this.#session, request);
  }

  restoreTables(request: TableRestoreRequest): Promise<TablesRestored> {
    return restoreTables(this.#session, request);
  }

  digestOf(scratchPath: string): Promise<FileDigest> {
    return hashFile(scratchPath);
  }

  exportCopy(request: ExportRequest): Promise<void> {
    return exportCopy(this.#session, request);
  }

  settleExport(request: ExportRequest): Promise<boolean> {
    return settleExport(request);
  }

  check(level: CheckLevel): Promise<CheckResult> {
    return check(this.#session, level);
  }

  comparePages(pages: PagesToCompare): Promise<PageComparison> {
    return comparePages(this.#session, pages);
  }

  exercise(request: ExerciseRequest): Promise<Exercise> {
    return exercise(this.#session, request);
  }

  async lint(request: LintRequest): Promise<Linted> {
    return judge(await lintRun(request.scratchPath, request.migrations), request);
  }

  /** Rolls back what is open and closes every connection. */
  close(): void {
    this.#recovery.abandon();
    this.#session.connections.closeAll();
  }
}
