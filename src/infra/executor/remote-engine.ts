import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import type {
  CheckResult,
  CopyVerified,
  DatabaseEngine,
  ExportRequest,
  Histories,
  HistoriesRequest,
  Inspection,
  LiveSchema,
  PageComparison,
  PagesToCompare,
  MarkedSchema,
  RawCopy,
  Recovered,
  RehearsalRequest,
  RehearsalResult,
  Restored,
  RestoreRequest,
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
import type { Linted, LintRequest } from "../../domain/lint/lint-request.ts";
import type { CheckLevel } from "../../domain/integrity/events.ts";
import type { EngineMethod } from "./protocol.ts";

/** Sends one call to the child and resolves with its answer. */
export type CallEngine = <M extends EngineMethod>(
  method: M,
  args: Parameters<DatabaseEngine[M]>,
) => ReturnType<DatabaseEngine[M]>;

/** The engine as the service sees it: every method is a message to the child that has it. */
export class RemoteEngine implements DatabaseEngine {
  readonly #call: CallEngine;

  constructor(call: CallEngine) {
    this.#call = call;
  }

  inspect(): Promise<Inspection> {
    return this.#call("inspect", []);
  }

  install(fence: number): Promise<LiveSchema> {
    return this.#call("install", [fence]);
  }

  schema(): Promise<MarkedSchema> {
    return this.#call("schema", []);
  }

  histories(request: HistoriesRequest): Promise<Histories> {
    return this.#call("histories", [request]);
  }

  snapshot(access: StoreAccess): Promise<Snapshot> {
    return this.#call("snapshot", [access]);
  }

  saveTables(request: TableBackupRequest): Promise<TableBackupResult> {
    return this.#call("saveTables", [request]);
  }

  rawCopy(access: StoreAccess): Promise<RawCopy> {
    return this.#call("rawCopy", [access]);
  }

  verify(stored: StoredCopy, scratchPath: string): Promise<CopyVerified> {
    return this.#call("verify", [stored, scratchPath]);
  }

  fetch(access: StoreAccess, directory: string): Promise<readonly string[]> {
    return this.#call("fetch", [access, directory]);
  }

  rehearse(request: RehearsalRequest): Promise<RehearsalResult> {
    return this.#call("rehearse", [request]);
  }

  applySteps(steps: readonly StepRequest[]): Promise<readonly StepResult[]> {
    return this.#call("applySteps", [steps]);
  }

  beginRecovery(lockTimeoutMs: number): Promise<void> {
    return this.#call("beginRecovery", [lockTimeoutMs]);
  }

  finishRecovery(token: number, attempts: readonly string[]): Promise<Recovered> {
    return this.#call("finishRecovery", [token, attempts]);
  }

  follow(...args: Parameters<DatabaseEngine["follow"]>): ReturnType<DatabaseEngine["follow"]> {
    return this.#call("follow", args);
  }

  restore(request: RestoreRequest): Promise<Restored> {
    return this.#call("restore", [request]);
  }

  restoreTables(request: TableRestoreRequest): Promise<TablesRestored> {
    return this.#call("restoreTables", [request]);
  }

  digestOf(scratchPath: string): ReturnType<DatabaseEngine["digestOf"]> {
    return this.#call("digestOf", [scratchPath]);
  }

  exportCopy(request: ExportRequest): Promise<void> {
    return this.#call("exportCopy", [request]);
  }

  settleExport(request: ExportRequest): Promise<boolean> {
    return this.#call("settleExport", [request]);
  }

  check(level: CheckLevel): Promise<CheckResult> {
    return this.#call("check", [level]);
  }

  comparePages(pages: PagesToCompare): Promise<PageComparison> {
    return this.#call("comparePages", [pages]);
  }

  exercise(request: ExerciseRequest): Promise<Exercise> {
    return this.#call("exercise", [request]);
  }

  lint(request: LintRequest): Promise<Linted> {
    return this.#call("lint", [request]);
  }
}
