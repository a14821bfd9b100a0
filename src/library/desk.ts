import type { EngineName } from "../domain/database/events.ts";
import type { MigrationInput } from "../domain/migration/migration.ts";
import type { Finding } from "../domain/migration/events.ts";
import type { Failure } from "../domain/shared/errors.ts";
import type { Progress } from "../domain/engine/database-engine.ts";

/** What is shown of a database; see docs/reference/cli.md. */
export interface DatabaseView {
  readonly id: string;
  readonly name: string;
  readonly engine: EngineName;
  readonly url: string;
  readonly status: string;
  readonly version: string | null;
}

/** What is shown of a registered migration. */
export interface MigrationView {
  readonly version: string;
  readonly name: string;
  /** Null: another tool applied it, and nobody has shown its file. */
  readonly checksum: string | null;
  readonly state: "pending" | "applied" | "failed" | "reverted";
  readonly order?: string | undefined;
  /** Another tool applied it. */
  readonly adopted?: unknown;
  /** What people decided about it. */
  readonly accepted?: readonly { readonly deviation: string }[];
  readonly repeatable?: boolean | undefined;
}

/** What is shown of a run. */
export interface RunView {
  readonly id: string;
  readonly kind: string;
  readonly database: string;
  readonly status: string;
  readonly outcome: string | null;
  readonly planDigest: string;
  readonly to: string | null;
  readonly steps: readonly RunStepView[];
  readonly backupId: string | null;
  readonly error: Failure | null;
  readonly durationMs: number | null;
}

export interface RunStepView {
  readonly version: string;
  readonly name: string;
  readonly status: string;
  readonly durationMs: number | null;
  readonly error?: Failure;
  readonly findings?: readonly Finding[];
}

export interface RunToStart {
  readonly to?: string;
  readonly reason?: string;
  readonly ticket?: string;
  /** RFC 3339. */
  readonly notBefore?: string;
  /** May begin outside the window and during a freeze, for a reason and one approval more. */
  readonly exception?: boolean;
  /** Begins at once without approvals, for a reason, and must be reviewed afterwards. */
  readonly emergency?: boolean;
}

/** What is heard of a run while it goes on: progress is passing, events are recorded. */
export type RunSignal =
  | { readonly kind: "progress"; readonly progress: Progress }
  | {
      readonly kind: "event";
      readonly type: string;
      readonly data: { readonly [member: string]: unknown };
    };

/**
 * Where a migration is carried out: the services in this process, or a running service over HTTP.
 * The flow is written once, against this.
 */
export interface Desk {
  databases(): Promise<readonly DatabaseView[]>;
  /** Takes a database under management; an SQLite file is made where none is. */
  register(name: string, engine: EngineName, url: string): Promise<DatabaseView>;
  migrations(database: string): Promise<readonly MigrationView[]>;
  /** The ledger knows of no tables and no other objects in it. */
  isEmpty(database: string): Promise<boolean>;
  /** All or nothing. Errors: those of `POST /databases/{db}/migrations`. */
  registerMigrations(database: string, migrations: readonly MigrationInput[]): Promise<void>;
  withdraw(database: string, version: string, reason: string): Promise<void>;
  startRun(database: string, run: RunToStart): Promise<RunView>;
  /** Resolves with the run when it has ended or waits for an approval or its time. */
  follow(runId: string, hear: (signal: RunSignal) => void): Promise<RunView>;
  cancel(runId: string, reason: string): Promise<void>;
}

/** A run that does not go on before somebody approves it or its time comes. */
export const WAITING: ReadonlySet<string> = new Set(["awaiting-approval", "scheduled"]);
