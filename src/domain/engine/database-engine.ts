import type { FoundHistory } from "../adoption/history-table.ts";
import type { Wanted } from "../adoption/recognise.ts";
import type { StoreAccess, StoredContent } from "../backup/backup-store.ts";
import type { OnConflict, RestoreMethod, TableRestored, TriggerMode } from "../backup/events.ts";
import type { Allowances, EngineName, Physical, TransactionMode } from "../database/events.ts";
import type { Linted, LintRequest } from "../lint/lint-request.ts";
import type { Exercise, ExerciseRequest } from "./exercise.ts";
import type { CheckLevel } from "../integrity/events.ts";
import type { Direction, Finding, RowChange, StepFacts, TableRows } from "../migration/events.ts";
import type { CodeLanguage } from "../migration/migration.ts";
import type { SchemaObject } from "../schema/schema.ts";
import type { Failure } from "../shared/errors.ts";

/** A managed database, as the ledger knows it. */
export interface DatabaseTarget {
  readonly engine: EngineName;
  /** sqlite: absolute path. */
  readonly url: string;
  readonly databaseId: string;
  readonly origin: string;
  readonly incarnation: string;
}

/**
 * One operation on one managed database, in a process of its own with nothing shared. All values
 * are plain JSON: they cross a process boundary. Methods reject with `EngineError` unless their
 * result says otherwise; after `kill` every pending call rejects with code `executor-killed`.
 */
export interface DatabaseEngine {
  /** Looks without writing. Reports what is there, also when it is not usable. */
  inspect(): Promise<Inspection>;
  /** Creates `schemaledger_meta` and `schemaledger_marker`; no-op if they are there and ours. */
  install(fence: number): Promise<LiveSchema>;
  /**
   * The logical schema as the database has it now, and the versions whose newest marker is `done`.
   * Checks identity and incarnation.
   */
  schema(): Promise<MarkedSchema>;
  /** Reads the tables in which other migration tools keep their history. Writes nothing. */
  histories(request: HistoriesRequest): Promise<Histories>;
  /**
   * Stores one moment of the database, also under foreign writers; durable, but not published. What
   * is stored is one file, complete without side files, with the database's own markers.
   */
  snapshot(access: StoreAccess): Promise<Snapshot>;
  /**
   * Stores single tables, rows and definitions, as of one moment; other writers wait meanwhile.
   * Rejects with `table-not-found`.
   */
  saveTables(request: TableBackupRequest): Promise<TableBackupResult>;
  /** Stores the database's files as they are without opening the database. */
  rawCopy(access: StoreAccess): Promise<RawCopy>;
  /**
   * Restores the stored backup to `scratchPath` comparing every page's digest, opens it, runs the
   * quick check and compares fingerprint and rows. Rejects with code `backup-damaged` or
   * `backup-differs`. The scratch copy stays for a rehearsal or restore.
   */
  verify(stored: StoredCopy, scratchPath: string): Promise<CopyVerified>;
  /**
   * Writes the files of any stored backup into `directory`, each page's digest compared. Rejects
   * with `backup-damaged`. Answers their names.
   */
  fetch(access: StoreAccess, directory: string): Promise<readonly string[]>;
  /** Runs the steps on the scratch copy with every check. Stops at the first failure. */
  rehearse(request: RehearsalRequest): Promise<RehearsalResult>;
  /**
   * The step protocol, steps 2–6 (dual-write §4), for each step in turn, each in a transaction of its
   * own; behind one that is not applied none is begun (`step-not-begun`). All that is said to be
   * applied is durable. Never rejects for a step's own faults.
   */
  applySteps(steps: readonly StepRequest[]): Promise<readonly StepResult[]>;
  /** Takes the database's lock and holds it. Rejects with `database-locked` after the deadline. */
  beginRecovery(lockTimeoutMs: number): Promise<void>;
  /** Raises the fence to `token`, reads the attempts' markers under the lock, releases it. */
  finishRecovery(token: number, attempts: readonly string[]): Promise<Recovered>;
  /**
   * Works out, without the database, which schemas the scripts lead to one after the other from
   * `schema`. Fewer than there are scripts if one cannot be followed without rows.
   */
  follow(
    schema: readonly SchemaObject[],
    scripts: readonly StepScript[],
  ): Promise<readonly SchemaReached[]>;
  /** Puts the scratch copy in place of the live content in one transaction. */
  restore(request: RestoreRequest): Promise<Restored>;
  /**
   * Brings single tables of the scratch copy back in one transaction, or says what speaks against
   * it and changes nothing. With `rehearseOn` it is tried on that copy instead of the database.
   */
  restoreTables(request: TableRestoreRequest): Promise<TablesRestored>;
  /** Size and hex SHA-256 of a scratch copy. */
  digestOf(scratchPath: string): Promise<{ readonly bytes: number; readonly sha256: string }>;
  /**
   * Writes the scratch copy to a new file, which appears complete under its name. Rejects with
   * `target-exists`.
   */
  exportCopy(request: ExportRequest): Promise<void>;
  /** After a crash: whether the new file is there and complete. What was left half is removed. */
  settleExport(request: ExportRequest): Promise<boolean>;
  check(level: CheckLevel): Promise<CheckResult>;
  /**
   * Compares the database with a backup page by page, if nobody has written since: then every
   * difference is damage, also what SQLite's own checks cannot see.
   */
  comparePages(pages: PagesToCompare): Promise<PageComparison>;
  /** Tries one migration on a scratch database, for tests of migrations. Never rejects for its faults. */
  exercise(request: ExerciseRequest): Promise<Exercise>;
  /** Runs migrations on a scratch database and judges them by what was seen. Never rejects for their faults. */
  lint(request: LintRequest): Promise<Linted>;
}

export interface LiveSchema {
  readonly fingerprint: string;
  readonly engineVersion: string;
  readonly schema: readonly SchemaObject[];
  readonly physical: Physical;
}

/** A schema that a script leads to. */
export interface SchemaReached {
  readonly fingerprint: string;
  readonly schema: readonly SchemaObject[];
}

/** The live schema with the versions whose newest marker is `done`. */
export interface MarkedSchema extends LiveSchema {
  readonly applied: readonly string[];
}

export interface HistoriesRequest extends Wanted {
  /** False: also of a database that was never registered. */
  readonly registered: boolean;
}

/** Other tools' histories and the schema, of one moment. */
export interface Histories {
  readonly live: LiveSchema;
  readonly histories: readonly FoundHistory[];
  /** Tables that are called like a tool's and are not. */
  readonly lookAlikes: readonly Finding[];
}

export interface Inspection {
  readonly exists: boolean;
  /** Present if it could be opened and read. */
  readonly live?: LiveSchema;
  /** What `schemaledger_meta` says, if the table is there. */
  readonly meta?: Meta;
  /** Why it cannot be managed: not a database, damaged, read-only, locked … */
  readonly problem?: Failure;
  /** Identifies the file behind every path that leads to it (sqlite: device and inode). */
  readonly fileId?: string;
}

export interface Meta {
  readonly format: number;
  readonly origin: string;
  readonly databaseId: string;
  readonly incarnation: string;
  readonly fence: number;
}

export interface Snapshot {
  readonly content: StoredContent;
  readonly fingerprint: string;
  readonly rows: TableRows;
  readonly applied: readonly string[];
  readonly incarnation: string;
  /** How the moment was held: read from the database's own file, or copied first. */
  readonly method: "frozen" | "copied";
}

export interface RawCopy {
  readonly content: StoredContent;
}

export interface StoredCopy {
  readonly access: StoreAccess;
  /** As recorded when it was taken: a manifest that says otherwise is not believed. */
  readonly sha256: string;
  readonly bytes: number;
  readonly fingerprint: string;
  readonly rows: TableRows;
  /** The copy will become the database's file: it must survive a power cut. */
  readonly isToKeep?: boolean;
}

export interface CopyVerified {
  readonly fingerprint: string;
  readonly rows: TableRows;
  readonly applied: readonly string[];
}

/** What is to be run for one migration in one direction. */
export interface StepScript {
  readonly version: string;
  readonly name: string;
  readonly direction: Direction;
  readonly checksum: string;
  /** With `language`, the text of a module. */
  readonly sql: string;
  readonly language?: CodeLanguage;
  /** Text of the module with the SQL functions that it uses. */
  readonly functions?: string;
  /** Statements that must hold after the step (up only). */
  readonly verify?: string;
  readonly transaction: TransactionMode;
  readonly allow: Allowances;
}

export interface RehearsalRequest {
  readonly scratchPath: string;
  readonly steps: readonly StepScript[];
  /** Per step, the fingerprint it must lead to; absent where any will do. */
  readonly expectedAfter: readonly (string | null)[];
  /** Rollbacks: after the downs run these ups and compare every row with the start. */
  readonly again?: readonly StepScript[];
}

export interface RehearsalResult {
  readonly steps: readonly StepResult[];
  /** Only with `again`: the database came back exactly. */
  readonly lossless?: boolean;
  readonly findings: readonly Finding[];
}

export interface StepRequest extends StepScript {
  readonly attempt: string;
  readonly planDigest: string;
  /** Index of the newest event that grants the right to write. */
  readonly token: number;
  readonly intentIndex: number;
  /** Hex. */
  readonly intentLeafHash: string;
  /** Newest signed checkpoint, a witness inside the database. */
  readonly checkpoint: string | null;
  readonly at: string;
  /**
   * The attempt that must have been applied just before in the same session, else the step is not begun
   * (`step-not-begun`). Null: none.
   */
  readonly follows: string | null;
  /**
   * Fingerprint the ledger believes; another one is drift and fails the step. Null: the one that the
   * step which this one follows led to.
   */
  readonly expectedBefore: string | null;
  /**
   * Versions the ledger believes applied; markers that say otherwise fail the step
   * (`markers-differ`): a file put back by others can have the same schema. Null: those that the
   * step which this one follows left.
   */
  readonly appliedBefore: readonly string[] | null;
  /** Fingerprint the step must lead to, where a rehearsal or a down script fixes it. */
  readonly expectedAfter: string | null;
  /** Until when it is tried to get the locks it needs. */
  readonly lockTimeoutMs: number;
  /** How long it waits for one of them at a time, where others are kept waiting meanwhile (postgres). */
  readonly lockWaitMs?: number;
  /** Where to copy tables the step rebuilds, drops or deletes from; null: none are. */
  readonly tableBackup: TableBackupRequest | null;
}

export interface TableBackupRequest {
  readonly backupId: string;
  readonly tables: readonly string[];
  readonly access: StoreAccess;
}

export interface TableBackupResult {
  readonly backupId: string;
  readonly tables: TableRows;
  readonly method: "contained" | "copied";
  /** If copied. */
  readonly content?: StoredContent;
}

export type StepResult =
  | ({
      readonly status: "done";
      readonly tableBackup?: TableBackupResult;
    } & StepFacts)
  | {
      readonly status: "failed";
      readonly error: Failure;
      /** `unchanged` only when the engine proved that the transaction was rolled back. */
      readonly state: "unchanged" | "unknown";
      readonly findings: readonly Finding[];
      readonly tableBackup?: TableBackupResult;
    };

export interface Recovered {
  readonly meta: Meta;
  /** Newest phase of each asked attempt; absent = no marker. */
  readonly phases: { readonly [attempt: string]: "started" | "done" | "reverted" };
  /** The fingerprint that each of them led to, as its marker says, where it does. */
  readonly fingerprints: { readonly [attempt: string]: string };
  /** Versions whose newest marker is `done`. */
  readonly applied: readonly string[];
  readonly live: LiveSchema;
  /** Non-transactional attempts with phase `started` only: what the probe said. */
  readonly probes: { readonly [attempt: string]: "applied" | "absent" | "unknown" };
}

export interface RestoreRequest {
  /** A verified copy. Gone afterwards where it became the database's file. */
  readonly scratchPath: string;
  /** What the copy was compared with. Absent: it is read from the copy. */
  readonly content?: { readonly fingerprint: string; readonly rows: TableRows };
  readonly token: number;
  /** The new incarnation, written into the scratch copy first so that it arrives atomically. */
  readonly incarnation: string;
  readonly lockTimeoutMs: number;
  /**
   * The database as the ledger first saw it: what a backup does not hold (sqlite: the journal mode)
   * is set so again when the present file cannot say it any more.
   */
  readonly physical?: Physical;
  /** Default `online`. `offline` rejects with `restore-not-exclusive` while others are there. */
  readonly method?: RestoreMethod;
}

export interface Restored {
  readonly live: LiveSchema;
  readonly applied: readonly string[];
  readonly rowsBefore: TableRows;
  readonly rowsAfter: TableRows;
  readonly findings?: readonly Finding[];
}

export interface TableRestoreRequest {
  /** The verified copy that the rows come from. */
  readonly scratchPath: string;
  readonly tables: readonly string[];
  readonly onConflict: OnConflict;
  readonly triggers?: TriggerMode;
  /** A copy of the present state to try it on; then `token` and `incarnation` do not count. */
  readonly rehearseOn?: string;
  readonly token: number;
  readonly incarnation: string;
  readonly lockTimeoutMs: number;
}

export type TablesRestored =
  | (Restored & {
      readonly status: "done";
      readonly tables: readonly TableRestored[];
      readonly findings: readonly Finding[];
    })
  /** Nothing was changed; at least one finding is an error. */
  | { readonly status: "refused"; readonly findings: readonly Finding[] };

export interface ExportRequest {
  readonly scratchPath: string;
  /** The new file. */
  readonly target: string;
  /** Names what is written meanwhile. */
  readonly restoreId: string;
  /** Hex SHA-256 of the copy. */
  readonly sha256: string;
}

export interface PagesToCompare {
  readonly access: StoreAccess;
  /** When the backup was begun, RFC 3339. */
  readonly since: string;
}

export interface PageComparison {
  /** False: it was written to since, so that differences say nothing. */
  readonly compared: boolean;
  readonly findings: readonly Finding[];
}

export interface CheckResult {
  readonly findings: readonly Finding[];
  readonly fingerprint: string;
  readonly applied: readonly string[];
}

/** Progress of a long operation, for people; never recorded. */
export interface Progress {
  readonly phase:
    | "backup"
    | "verify"
    | "rehearse"
    | "table-backup"
    | "step"
    | "checks"
    | "restore"
    | "check";
  readonly version?: string;
  /** 1-based number of the statement that begins, of how many. */
  readonly statement?: number;
  readonly statements?: number;
  /** 0…1 where known. */
  readonly fraction?: number;
  readonly detail?: string;
}

export type { RowChange };
