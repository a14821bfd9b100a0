import { randomBytes } from "node:crypto";
import type { StepScript } from "../../domain/engine/database-engine.ts";
import type { Finding } from "../../domain/migration/events.ts";
import type { Statement } from "../../domain/engine/dialect.ts";
import { runCode } from "./code-step.ts";
import { mayHaveTemporaryObjects, prepared, type Connection } from "./connection.ts";
import { verdictOn } from "./known-verdicts.ts";
import type { Classification } from "./sql/classify.ts";
import { gatePragma } from "./sql/pragma-gate.ts";
import type { ScriptAnalysis } from "../../domain/engine/dialect.ts";
import { FollowedSchema } from "./schema-rows.ts";
import type { Baseline } from "./step-baseline.ts";
import { checkStep } from "./step-checks.ts";
import { StepFault, failOnErrors } from "../step/step-fault.ts";
import { statementFault } from "./step-fault.ts";
import { changedTables, stateAfter, type KnownState } from "./step-state.ts";
import { StepWork } from "./step-work.ts";
import { TableFollower, type TableMoves } from "./table-moves.ts";
import { runVerifyScript } from "./verify-script.ts";

/** No script can know it: nothing shows the name of a savepoint to what runs inside it. */
const NONCE = randomBytes(12).toString("hex");
let guards = 0;

/** Called when a statement begins. */
export type OnStatement = (statement: Statement) => void | Promise<void>;

export interface GuardedRun {
  readonly db: Connection;
  readonly step: StepScript;
  readonly script: ScriptAnalysis;
  readonly before: Baseline;
  readonly expectedAfter: string | null;
  readonly onStatement: OnStatement;
  /** After the last statement, before the checks. */
  readonly onStatementsDone: () => void | Promise<void>;
}

export interface GuardedOutcome {
  /** With the statements that were executed. */
  readonly script: ScriptAnalysis;
  readonly after: KnownState;
  readonly findings: readonly Finding[];
  readonly moves: TableMoves;
  /** Tables (folded) that are not as they were. */
  readonly touched: readonly string[];
}

/** What a script left on its connection although the transaction may end well. */
export interface Taint {
  tainted: boolean;
}

/**
 * Runs a script inside the open transaction, behind a savepoint whose name it cannot know, with
 * every check. Throws a `StepFault`; the caller rolls back. `taint` is set as soon as the connection
 * must not be used for another step.
 */
export async function runGuarded(run: GuardedRun, taint: Taint): Promise<GuardedOutcome> {
  const { db, step, before } = run;
  const guard = `guard_${NONCE}_${guards++}`;
  db.exec(`SAVEPOINT ${guard}`);
  const { state } = before;
  const schema = new FollowedSchema(db, state.schema);
  const moves = new TableFollower(state.catalog);
  const work = new StepWork(db, state);
  const script = await execute(run, { schema, moves, work }, taint);
  release(db, guard);
  await run.onStatementsDone();
  if (step.verify !== undefined && step.direction === "up") runVerifyScript(db, step.verify);
  const after = stateAfter(db, state, schema.refresh(), work);
  const { allow, direction } = step;
  const { expectedAfter } = run;
  const findings = [
    ...script.findings,
    ...checkStep(db, { before, after, script, moves, work, allow, direction, expectedAfter }),
  ];
  failOnErrors(findings);
  taint.tainted ||= hasTemporaryObjects(db);
  return { script, after, findings, moves, touched: changedTables(state, after, work) };
}

/** What is known of the database while the script runs. */
interface Followers {
  readonly schema: FollowedSchema;
  readonly moves: TableFollower;
  readonly work: StepWork;
}

/** Runs the script's statements, or the code that gives them one by one. */
async function execute(
  { db, step, script, onStatement }: GuardedRun,
  followers: Followers,
  taint: Taint,
): Promise<ScriptAnalysis> {
  if (step.language !== undefined)
    return runCode(db, step, (statement, run, values) => {
      const ran = runStatement(db, { statement, run, values }, followers, taint);
      // Code goes on at once: who listens is told, and not waited for.
      void onStatement(statement);
      return ran;
    });
  for (const statement of script.statements) {
    await onStatement(statement);
    const run = (): void => void db.exec(statement.sql);
    runStatement(db, { statement, run, values: [] }, followers, taint);
  }
  return script;
}

interface ToRun<T> {
  readonly statement: Statement;
  readonly run: () => T;
  /** Of its parameters. */
  readonly values: readonly unknown[];
}

/** Undefined for a statement that is left out. */
function runStatement<T>(
  db: Connection,
  { statement: { sql, number }, run, values }: ToRun<T>,
  { schema, moves, work }: Followers,
  taint: Taint,
): T {
  let result: T | undefined;
  const verdict = admitted(db, { sql, number, values }, schema, taint);
  if (verdict === undefined) return result as T;
  work.begins(verdict);
  moves.follow(sql, schema, () => {
    try {
      result = run();
    } catch (error) {
      throw statementFault(error, number, !db.inTransaction);
    }
    if (!db.inTransaction) throw escaped(number);
    if (verdict.kind !== "write" && verdict.kind !== "read") schema.refresh();
  });
  return result as T;
}

interface Looked {
  readonly sql: string;
  readonly number: number;
  readonly values: readonly unknown[];
}

/** Undefined: to be left out. Throws for what may not run in a step. */
function admitted(
  db: Connection,
  { sql, number: statement, values }: Looked,
  schema: FollowedSchema,
  taint: Taint,
): Classification | undefined {
  // By the text and before anything is prepared: a PRAGMA acts when it is prepared.
  const verdict = kindOf(db, { sql, number: statement, values }, schema, taint);
  taint.tainted ||= verdict.taints;
  if (verdict.refusal !== undefined) {
    const { code, reason, hint } = verdict.refusal;
    throw new StepFault({ code, message: reason, hint, statement });
  }
  if (verdict.kind !== "pragma") return verdict;
  const gate = gatePragma(sql);
  taint.tainted ||= gate.taints;
  if (gate.action === "refuse")
    throw new StepFault({
      code: "pragma-refused",
      message: gate.reason ?? `PRAGMA ${gate.name} may not run in a step`,
      ...(gate.hint === undefined ? {} : { hint: gate.hint }),
      statement,
    });
  return gate.action === "run" ? verdict : undefined;
}

function kindOf(
  db: Connection,
  { sql, number, values }: Looked,
  schema: FollowedSchema,
  { tainted }: Taint,
): Classification {
  try {
    return verdictOn(db, { sql, values, isOrdinary: !tainted }, schema.now);
  } catch (error) {
    throw statementFault(error, number, !db.inTransaction);
  }
}

function release(db: Connection, guard: string): void {
  try {
    db.exec(`RELEASE ${guard}`);
  } catch {
    // Whatever the reason: the transaction is not the one that was opened.
    throw escaped(undefined);
  }
  if (!db.inTransaction) throw escaped(undefined);
}

const escaped = (statement: number | undefined): StepFault =>
  new StepFault(
    {
      code: "escaped-transaction",
      message: "The step left its transaction: part of it may have been committed",
      hint: "Take COMMIT, ROLLBACK and the like out of the script; look at the database before anything else",
      ...(statement === undefined ? {} : { statement }),
    },
    { escaped: true },
  );

/** Temporary tables and triggers live as long as the connection and act on later steps. */
const hasTemporaryObjects = (db: Connection): boolean =>
  mayHaveTemporaryObjects(db) &&
  prepared(db, "SELECT 1 FROM temp.sqlite_schema LIMIT 1").get() !== undefined;
