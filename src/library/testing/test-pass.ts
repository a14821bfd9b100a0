import type { DatabaseEngine, StepScript } from "../../domain/engine/database-engine.ts";
import type { Exercise } from "../../domain/engine/exercise.ts";
import type { FileMigration } from "../../domain/migration/migration-source.ts";
import type { SchemaObject } from "../../domain/schema/schema.ts";
import { judge, type Judged } from "../../domain/testing/judge.ts";
import type { Budgets, TestCase, TestPass } from "../../domain/testing/migration-test.ts";
import { NO_FIXTURES, type Fixtures } from "../../infra/migration-files/fixtures.ts";
import { splitSqlite } from "../../infra/sqlite/sql/split.ts";

/** How each migration is tried. */
export interface Trial {
  /** Loaded, and asked for, in the pass from an empty database. */
  readonly fixtures: Fixtures;
  readonly budgets: Budgets;
  /** A way back that loses rows, or is none, fails the test. */
  readonly strict: boolean;
  /** Generated rows a table, in the pass with rows. */
  readonly rows: number;
  /** Every third of them has NULL wherever it may. */
  readonly nulls: boolean;
  readonly hear: (pass: TestPass["name"], found: TestCase) => void;
}

export interface RunPass {
  readonly pass: TestPass;
  /** At the end. Undefined if a migration failed. */
  readonly schema: readonly SchemaObject[] | undefined;
}

/** One pass over all migrations on one scratch database. What follows one that fails is skipped. */
export async function runPass(
  engine: DatabaseEngine,
  scratchPath: string,
  name: TestPass["name"],
  migrations: readonly FileMigration[],
  trial: Trial,
): Promise<RunPass> {
  const cases: TestCase[] = [];
  const filled = { rows: 0, empty: [] as readonly string[] };
  let schema: readonly SchemaObject[] | undefined = [];
  const tell = (found: TestCase): void => {
    cases.push(found);
    trial.hear(name, found);
  };
  for (const migration of migrations) {
    if (schema === undefined) {
      tell(skipped(migration));
      continue;
    }
    const found = await exerciseOne(engine, scratchPath, migration, { name, trial });
    filled.rows += found.filled.rows;
    filled.empty = found.filled.empty;
    for (const one of judge(judgedBy(migration, trial), found)) tell(one);
    schema = found.up.status === "failed" ? undefined : found.schema;
  }
  return { pass: { name, cases, filled }, schema };
}

function exerciseOne(
  engine: DatabaseEngine,
  scratchPath: string,
  migration: FileMigration,
  { name, trial }: { readonly name: TestPass["name"]; readonly trial: Trial },
): Promise<Exercise> {
  const { version, down } = migration;
  const { rows, nulls } = trial;
  // They know which rows there are: nobody does on generated rows or on real data.
  const fixtures = name === "empty" ? trial.fixtures : NO_FIXTURES;
  const expect = fixtures.expect.get(version);
  return engine.exercise({
    scratchPath,
    up: scriptOf(migration, "up", migration.up),
    ...(down === undefined || isEmpty(migration)
      ? {}
      : { down: scriptOf(migration, "down", down) }),
    fill: name === "rows" ? { rows, nulls } : null,
    ...(expect === undefined ? {} : { expect }),
    fixtures: fixtures.rows.get(version) ?? [],
  });
}

/** A script as the engine takes it. Nothing is recorded of it, so it needs no checksum. */
export function scriptOf(
  migration: Pick<
    FileMigration,
    "version" | "name" | "transaction" | "allow" | "verify" | "language" | "functions"
  >,
  direction: "up" | "down",
  sql: string,
): StepScript {
  const { version, name, transaction = "required", allow = {} } = migration;
  const { verify, language, functions } = migration;
  const script = {
    version,
    name,
    direction,
    checksum: "",
    sql,
    transaction,
    allow,
    ...(language === undefined ? {} : { language }),
    ...(functions === undefined ? {} : { functions }),
  };
  return verify === undefined || direction === "down" ? script : { ...script, verify };
}

/** Of code nobody knows before it has run. */
const isEmpty = ({ down = "", language }: FileMigration): boolean =>
  language === undefined && splitSqlite(down).length === 0;

const judgedBy = (migration: FileMigration, trial: Trial): Judged => ({
  version: migration.version,
  name: migration.name,
  down: migration.down === undefined ? null : isEmpty(migration) ? "empty" : "script",
  budgets: trial.budgets,
  strict: trial.strict,
});

const skipped = ({ version, name }: FileMigration): TestCase => ({
  check: "up",
  version,
  name,
  verdict: "skipped",
  failure: { code: "not-reached", message: "An earlier migration failed" },
});
