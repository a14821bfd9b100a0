import { join } from "node:path";
import type { DatabaseEngine } from "../../domain/engine/database-engine.ts";
import type { FileMigration } from "../../domain/migration/migration-source.ts";
import { diffSchema, type SchemaObject } from "../../domain/schema/schema.ts";
import type { Failure } from "../../domain/shared/errors.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { objects } from "../../domain/testing/judge.ts";
import {
  reportOf,
  type TestCase,
  type TestPass,
  type TestReport,
} from "../../domain/testing/migration-test.ts";
import { ProcessExecutor } from "../../infra/executor/process-executor.ts";
import { withScratchDirectory } from "../../infra/files/scratch-directory.ts";
import { workingCopy } from "../../infra/sqlite/working-copy.ts";
import { runPass, scriptOf, type RunPass, type Trial } from "./test-pass.ts";

export interface TestOrder extends Trial {
  /** In the order in which they run, as for an empty database. */
  readonly migrations: readonly FileMigration[];
  readonly passes: readonly TestPass["name"][];
  /** A database on whose copy the migrations are tried; for the pass of that name. */
  readonly snapshot?: Snapshot;
  /** What the migrations together must be equal to. */
  readonly fresh?: FreshInstallation;
  /** Ends everything; rejects with its reason. */
  readonly signal: AbortSignal;
}

export interface Snapshot {
  readonly file: string;
  /** It has this version and all before it. Default: those that its own markers name. */
  readonly at?: string;
}

/** Scripts that make the newest schema in another way. */
export interface FreshInstallation {
  readonly file: string;
  readonly scripts: readonly Pick<
    FileMigration,
    "version" | "name" | "up" | "transaction" | "allow" | "language" | "functions"
  >[];
}

/**
 * Tries every migration on scratch databases in child processes: up, verify, down, up again. Nothing that
 * exists is written. Rejects only for what is not the migrations' fault: what the snapshot's file is,
 * `snapshot-version-unknown`, an executor that died.
 */
export async function testMigrations(order: TestOrder): Promise<TestReport> {
  const executor = new ProcessExecutor({ spare: 0 });
  const stop = (): void => executor.killAll("the test was stopped");
  order.signal.addEventListener("abort", stop, { once: true });
  try {
    return await withScratchDirectory((directory) => onScratch(order, executor, directory));
  } catch (error) {
    order.signal.throwIfAborted();
    throw error;
  } finally {
    order.signal.removeEventListener("abort", stop);
    await executor.close();
  }
}

async function onScratch(
  order: TestOrder,
  executor: ProcessExecutor,
  directory: string,
): Promise<TestReport> {
  const passes: TestPass[] = [];
  for (const name of order.passes) {
    order.signal.throwIfAborted();
    const path = join(directory, `${name}.db`);
    const migrations = name === "snapshot" ? await afterSnapshot(order, path) : order.migrations;
    const ran = await inSession(executor, path, (engine) =>
      runPass(engine, path, name, migrations, order),
    );
    const isFirst = passes.length === 0;
    if (order.fresh === undefined || !isFirst) passes.push(ran.pass);
    else passes.push(await withFresh(executor, join(directory, "fresh.db"), ran, order));
  }
  return reportOf(passes);
}

/** One child a pass. */
async function inSession<T>(
  executor: ProcessExecutor,
  url: string,
  act: (engine: DatabaseEngine) => Promise<T>,
): Promise<T> {
  const target = { engine: "sqlite", url, databaseId: "", origin: "", incarnation: "" } as const;
  const host = { onProgress: () => undefined, onTablesSaved: () => Promise.resolve() };
  const session = await executor.open(target, host);
  try {
    return await act(session.engine);
  } finally {
    await session.close();
  }
}

/** Copies the snapshot, and leaves out what it has. */
async function afterSnapshot(order: TestOrder, path: string): Promise<readonly FileMigration[]> {
  const { file, at } = order.snapshot!;
  const applied = new Set(await workingCopy(file, path));
  if (at === undefined) return order.migrations.filter(({ version }) => !applied.has(version));
  const place = order.migrations.findIndex(({ version }) => version === at);
  if (place >= 0) return order.migrations.slice(place + 1);
  throw new InvalidInput("snapshot-version-unknown", `There is no migration ${at}`, {
    hint: "Name the newest version that the snapshot has",
  });
}

async function withFresh(
  executor: ProcessExecutor,
  path: string,
  { pass, schema }: RunPass,
  order: TestOrder,
): Promise<TestPass> {
  const { file, scripts } = order.fresh!;
  const made = await inSession(executor, path, (engine) => install(engine, path, scripts));
  const found: TestCase = {
    check: "fresh",
    version: null,
    name: file,
    ...(schema === undefined
      ? { verdict: "skipped", failure: { code: "not-reached", message: "A migration failed" } }
      : compared(made, schema)),
  };
  order.hear(pass.name, found);
  return { ...pass, cases: [...pass.cases, found] };
}

async function install(
  engine: DatabaseEngine,
  scratchPath: string,
  scripts: FreshInstallation["scripts"],
): Promise<readonly SchemaObject[] | Failure> {
  let schema: readonly SchemaObject[] = [];
  for (const script of scripts) {
    const up = scriptOf(script, "up", script.up);
    const found = await engine.exercise({ scratchPath, up, fill: null, fixtures: [] });
    if (found.up.status === "failed") return found.up.error;
    schema = found.schema;
  }
  return schema;
}

function compared(
  fresh: readonly SchemaObject[] | Failure,
  upgraded: readonly SchemaObject[],
): Pick<TestCase, "verdict" | "failure"> {
  if ("code" in fresh) return { verdict: "failed", failure: fresh };
  const schema = diffSchema(fresh, upgraded);
  if (schema.length === 0) return { verdict: "passed" };
  const message = `Upgraded is not what a fresh installation is: ${objects({ schema })}`;
  return { verdict: "failed", failure: { code: "fresh-differs", message } };
}
