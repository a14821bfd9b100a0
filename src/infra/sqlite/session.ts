import type { DatabaseTarget } from "../../domain/engine/database-engine.ts";
import type { SessionHost } from "../../domain/engine/executor.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import type { StatementProgress } from "./statement-progress.ts";
import type { Succession } from "../step/succession.ts";

/** Called at named points of the protocols; a test stops or kills the process there. */
export type Faults = (point: string) => void | Promise<void>;

/** What a later step can rely on of the session's backup. */
export interface SnapshotMark {
  /** The step connection then: data versions of two connections cannot be compared. */
  readonly db: Connection;
  /** Data version of the step connection before the snapshot began. */
  readonly dataVersion: number;
  /** Tables (folded) that were in it. */
  readonly tables: ReadonlySet<string>;
}

/** All that the operations of one engine share. */
export interface Session {
  readonly target: DatabaseTarget;
  readonly host: SessionHost;
  readonly connections: Connections;
  readonly statements: StatementProgress;
  readonly faults: Faults;
  readonly succession: Succession;
  /** The newest snapshot taken on the present step connection. */
  snapshot: SnapshotMark | undefined;
  /** Tables (folded) that steps of the session may have written since that snapshot. */
  readonly touched: Set<string>;
}
