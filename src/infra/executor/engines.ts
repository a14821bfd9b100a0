import type { DatabaseEngine, DatabaseTarget } from "../../domain/engine/database-engine.ts";
import type { SessionHost } from "../../domain/engine/executor.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import type { FaultHook } from "./fault.ts";

export interface EngineOptions {
  /** Does nothing outside crash tests. */
  readonly faults: FaultHook;
}

/** An engine that may hold connections, to be closed in good order. */
export type ClosableEngine = DatabaseEngine & {
  close?(): void;
};

/** Makes the engine of one session. Throws `InvalidInput` for an engine that is not there. */
export type CreateEngine = (
  target: DatabaseTarget,
  host: SessionHost,
  options: EngineOptions,
) => ClosableEngine;

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
  const createEngine: CreateEngine = (target, host, options) => {
    if (target.engine === "sqlite") return new SqliteEngine(target, host, options);
    throw new InvalidInput("engine-unknown", `There is no engine "${target.engine}"`, {
      hint: "Use one of: sqlite",
    });
  };
  const warmUp: Engines["warmUp"] = async (isWanted) => {
    const module = await import("../sqlite/warm-up.ts");
    await module.warmUp(isWanted);
  };
  return { createEngine, warmUp };
}
