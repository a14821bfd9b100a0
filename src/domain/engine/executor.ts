import type {
  DatabaseEngine,
  DatabaseTarget,
  Progress,
  TableBackupResult,
} from "./database-engine.ts";

/** Runs database operations in child processes: this process never opens a managed database. */
export interface Executor {
  /** Takes a pre-started child for one operation. `onProgress` may be called at any time. */
  open(target: DatabaseTarget, host: SessionHost): Promise<ExecutorSession>;
  /** The processes there are, for monitoring. */
  children(): readonly { readonly pid: number; readonly state: string }[];
  /** How many processes died or were killed so far, by problem code; others take their place. */
  deaths(): ReadonlyMap<string, number>;
  /** No process comes up any more: whatever is to run will fail. */
  isBroken(): boolean;
  /** Ends idle children, waits for none that work. Idempotent. */
  close(): Promise<void>;
}

/** What a session asks of the service. */
export interface SessionHost {
  readonly onProgress: (progress: Progress) => void;
  /**
   * Called while the step holds the database's lock, before its first statement: the copied
   * tables must be recorded durably before this resolves. A rejection rolls the step back.
   */
  readonly onTablesSaved: (saved: TableBackupResult) => Promise<void>;
}

export interface ExecutorSession {
  readonly engine: DatabaseEngine;
  /** SIGKILL. The database's journal rolls back; nothing is known until recovery looked. */
  kill(reason: string): void;
  /** Ends the child in good order. */
  close(): Promise<void>;
}
