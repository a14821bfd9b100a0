import type {
  DownFacts,
  LintedStatement,
  LintedStep,
  SchemaFacts,
} from "../../../domain/lint/facts.ts";
import type { MigrationInput } from "../../../domain/migration/migration.ts";
import { failureOf } from "../../../domain/shared/errors.ts";
import type { ScriptAnalysis } from "../../../domain/engine/dialect.ts";
import type { StepScript } from "../../../domain/engine/database-engine.ts";
import { followCatalog } from "../catalog.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { changedRows } from "../rows.ts";
import { readSchemaRows } from "../schema-rows.ts";
import { beginImmediate, commit, openDatabase, rollback, type Connection } from "../connection.ts";
import { runGuarded, type GuardedOutcome } from "../guarded-script.ts";
import { createOwnTables, readMeta } from "../meta.ts";
import { gatePragma } from "../sql/pragma-gate.ts";
import { analysisOf } from "../sql/code.ts";
import { prepareScript } from "../sql/script.ts";
import { firstWord } from "../sql/tokens.ts";
import { schemaRenames } from "../schema-renames.ts";
import { useFunctions } from "../sql-functions.ts";
import { takeBaseline } from "../step-baseline.ts";
import { StepFault, failOnErrors } from "../../step/step-fault.ts";
import { statementFault, stepFailure } from "../step-fault.ts";
import { knownState, type KnownState } from "../step-state.ts";
import { deadlineIn } from "../waiting.ts";
import { observe } from "./observed-statement.ts";
import { schemaFacts } from "./schema-facts.ts";

/** Nobody else has the scratch database. */
const WAIT_MS = 1_000;

const NO_RENAMES = { tables: [], columns: [] };

/**
 * Runs migrations one after another on a scratch database, with every check of a run, and notes what
 * rules decide on. Ends with the first one that fails: what comes after it would be judged on a
 * schema that never was.
 */
export async function lintRun(
  path: string,
  migrations: readonly MigrationInput[],
): Promise<LintedStep[]> {
  const db = await openDatabase(path, "scratch");
  try {
    if (readMeta(db) === undefined)
      createOwnTables(
        db,
        { databaseId: "", origin: "", incarnation: "", engine: "sqlite", url: path },
        0,
      );
    const steps: LintedStep[] = [];
    let known: Known | undefined;
    for (const migration of migrations) {
      const linted = await lintStep(db, migration, known);
      steps.push(linted.step);
      if (linted.known === undefined) break;
      ({ known } = linted);
    }
    return steps;
  } finally {
    rollback(db);
    db.close();
  }
}

/** What one step leaves is what the next one begins with. */
interface Known {
  readonly state: KnownState;
  readonly facts: SchemaFacts;
}

/** Without `known` in the answer the step failed. */
async function lintStep(
  db: Connection,
  migration: MigrationInput,
  last: Known | undefined,
): Promise<{ readonly step: LintedStep; readonly known?: Known }> {
  const { version, name, transaction = "required", allow = {}, repeatable = false } = migration;
  const script = analysisOf(stepOf(migration));
  const state = knownState(db, last?.state);
  const before = last !== undefined && last.state === state ? last.facts : schemaFacts(db, state);
  const watched = new Watched(db);
  const started = performance.now();
  const done = await attempt(db, migration, script, state, watched);
  const durationMs = performance.now() - started;
  const common = {
    version,
    name,
    transaction,
    allow,
    repeatable,
    statements: watched.statements,
    rewritings: script.rewritings,
    before,
    durationMs,
  };
  if ("failure" in done)
    return {
      step: {
        ...common,
        ...done,
        after: before,
        renames: NO_RENAMES,
        dropped: [],
        rows: [],
        ...(migration.down === undefined ? {} : { down: { restores: true } }),
      },
    };
  const { outcome, findings } = done;
  const now = knownState(db, outcome?.after);
  const known = { state: now, facts: now === state ? before : schemaFacts(db, now) };
  const down = await tryDown(db, migration, state);
  const renames = outcome && schemaRenames(state.catalog, now.catalog, outcome.moves);
  return {
    known,
    step: {
      ...common,
      findings,
      after: known.facts,
      renames: renames ?? NO_RENAMES,
      dropped: droppedOf(state, outcome),
      rows: changedRows(state.rows, now.rows),
      ...(down === undefined ? {} : { down }),
    },
  };
}

const droppedOf = ({ catalog }: KnownState, outcome: GuardedOutcome | undefined): string[] =>
  [...(outcome?.moves.dropped ?? [])].flatMap((name) => catalog.tables.get(name)?.name ?? []);

type Attempt =
  | { readonly outcome: GuardedOutcome | undefined; readonly findings: LintedStep["findings"] }
  | {
      readonly failure: NonNullable<LintedStep["failure"]>;
      readonly findings: LintedStep["findings"];
    };

async function attempt(
  db: Connection,
  migration: MigrationInput,
  script: ScriptAnalysis,
  state: KnownState,
  watched: Watched,
): Promise<Attempt> {
  try {
    failOnErrors(script.findings);
    if (migration.transaction === "none") {
      outside(db, script, watched);
      return { outcome: undefined, findings: script.findings };
    }
    const step = stepOf(migration);
    await useFunctions(db, step.functions);
    await beginImmediate(db, deadlineIn(WAIT_MS), "scratch");
    const before = takeBaseline(db, state, script);
    const outcome = await runGuarded(
      {
        db,
        step,
        script,
        before,
        expectedAfter: null,
        onStatement: watched.see,
        onStatementsDone: () => {},
      },
      { tainted: false },
    );
    await commit(db, deadlineIn(WAIT_MS));
    return { outcome, findings: outcome.findings };
  } catch (error) {
    rollback(db);
    const found = error instanceof StepFault ? error.findings : [];
    const findings = found.length > 0 ? found : script.findings;
    return { failure: stepFailure(error), findings };
  }
}

/** Statements that do not run in a transaction, one by one. */
function outside(db: Connection, { statements }: ScriptAnalysis, watched: Watched): void {
  for (const statement of statements) {
    watched.see(statement);
    try {
      db.exec(statement.sql);
    } catch (error) {
      throw statementFault(error, statement.number, false);
    }
  }
}

const stepOf = (migration: MigrationInput): StepScript => ({
  version: migration.version,
  name: migration.name,
  direction: "up",
  checksum: "",
  sql: migration.up,
  ...(migration.verify === undefined ? {} : { verify: migration.verify }),
  transaction: migration.transaction ?? "required",
  allow: migration.allow ?? {},
  ...(migration.language === undefined ? {} : { language: migration.language }),
  ...(migration.functions === undefined ? {} : { functions: migration.functions }),
});

/** Goes down and looks whether that is where the step began; then everything is as before. */
async function tryDown(
  db: Connection,
  { down, transaction = "required", language }: MigrationInput,
  before: KnownState,
): Promise<DownFacts | undefined> {
  if (down === undefined) return undefined;
  // Neither VACUUM nor code is tried here.
  if (transaction === "none" || language !== undefined) return { restores: true };
  await beginImmediate(db, deadlineIn(WAIT_MS), "scratch");
  try {
    const script = prepareScript(down, transaction);
    failOnErrors(script.findings);
    for (const { sql } of script.statements)
      if (firstWord(sql) !== "PRAGMA" || gatePragma(sql).action === "run") db.exec(sql);
    const catalog = followCatalog(db, readSchemaRows(db).rows, before.catalog);
    return { restores: fingerprintOf(catalog) === before.fingerprint };
  } catch (error) {
    return {
      restores: false,
      failure: error instanceof StepFault ? failureOf(error) : stepFailure(error),
    };
  } finally {
    rollback(db);
  }
}

/** Looks at each statement just before it runs. */
class Watched {
  readonly statements: LintedStatement[] = [];
  readonly #db: Connection;

  constructor(db: Connection) {
    this.#db = db;
  }

  readonly see = (statement: Parameters<typeof observe>[1]): void => {
    this.statements.push(observe(this.#db, statement));
  };
}
