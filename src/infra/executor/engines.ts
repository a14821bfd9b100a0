import type { DatabaseEngine, DatabaseTarget } from "../../domain/engine/database-engine.ts";
import type { SessionHost } from "../../domain/engine/executor.ts";
import type { FaultHook } from "./fault.ts";

export interface EngineOptions {
  /** Does nothing outside crash tests. */
  readonly faults: FaultHook;
  /** Of the database's user; never recorded or logged. */
  readonly password?: string | undefined;
}

/** An engine that may hold connections, to be closed in good order. */
export type ClosableEngine = DatabaseEngine & {
  close?(): void | Promise<void>;
};

/** Makes the engine of one session. Throws `InvalidInput` for one that there cannot be. */
export type CreateEngine = (
  target: DatabaseTarget,
  host: SessionHost,
  options: EngineOptions,
) => ClosableEngine | Promise<ClosableEngine>;

interface EngineModule {
  readonly createEngine: CreateEngine;
}

/** Value of `SCHEMALEDGER_EXECUTOR` for children that warm up while they wait. */
export const WARM_UP = "warm";

/** The engines of a child, loaded. */
export interface Engines {
  readonly createEngine: CreateEngine;
  /** Makes the first session as fast as later ones would be; ends early once `isWanted`. */
  readonly warmUp: (isWanted: () => boolean) => Promise<void>;
}

/** Loaded when the first database of its kind is worked on: most children never need it. */
export const createPostgresEngine: CreateEngine = async (target, host, options) => {
  const [{ PostgresEngine }, { loadParser }] = await Promise.all([
    import("../postgres/engine/postgres-engine.ts"),
    import("../postgres/sql/parser.ts"),
  ]);
  await loadParser();
  return new PostgresEngine(target, host, options);
};

/**
 * Loads the engines, so that a waiting child answers at once. `modulePath` (tests) replaces them
 * by the `createEngine` of another module.
 */
export async function loadEngines(modulePath: string | undefined): Promise<Engines> {
  if (modulePath !== undefined) {
    const module = (await import(modulePath)) as EngineModule;
    return { createEngine: module.createEngine, warmUp: () => Promise.resolve() };
  }
  const [{ SqliteEngine }, { default: Sqlite }] = await Promise.all([
    import("../sqlite/sqlite-engine.ts"),
    import("better-sqlite3"),
  ]);
  // Loads the native library while the child waits for its session.
  new Sqlite(":memory:").close();
  const createEngine: CreateEngine = (target, host, options) =>
    target.engine === "sqlite"
      ? new SqliteEngine(target, host, options)
      : createPostgresEngine(target, host, options);
  const warmUp: Engines["warmUp"] = async (isWanted) => {
    const module = await import("../sqlite/warm-up.ts");
    await module.warmUp(isWanted);
  };
  return { createEngine, warmUp };
}
