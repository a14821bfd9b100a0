import type { StepScript } from "../../domain/engine/database-engine.ts";
import type { ScriptAnalysis, Statement } from "../../domain/engine/dialect.ts";
import { DomainError } from "../../domain/shared/errors.ts";
import { loadModule } from "../code/load-module.ts";
import type { Connection } from "./connection.ts";
import { CODE } from "./sql/code.ts";
import { redactLiterals } from "./sql/redact.ts";
import { splitSqlite } from "./sql/split.ts";
import { StepFault } from "../step/step-fault.ts";

/** Runs one statement of the step with every check; what `execute` gives is handed through. */
export type RunStatement = <T>(
  statement: Statement,
  execute: () => T,
  values: readonly unknown[],
) => T;

/** The database as a step's code sees it: inside the step's transaction, behind the same checks. */
class StepDatabase {
  readonly #db: Connection;
  readonly #run: RunStatement;
  readonly #statements: Statement[];
  #isOpen = true;
  #fatal: unknown;

  constructor(db: Connection, run: RunStatement, statements: Statement[]) {
    this.#db = db;
    this.#run = run;
    this.#statements = statements;
  }

  /** Any number of statements; their rows are not looked at. */
  exec(sql: string): void {
    for (const piece of splitSqlite(textOf(sql)))
      this.#one(piece.sql, [], () => void this.#db.exec(piece.sql));
  }

  run(sql: string, ...values: unknown[]): { changes: number; lastInsertRowid: number | bigint } {
    return this.#one(sql, values, () => this.#db.prepare(sql).run(...values));
  }

  get(sql: string, ...values: unknown[]): unknown {
    return this.#one(sql, values, () => this.#db.prepare(sql).get(...values));
  }

  all(sql: string, ...values: unknown[]): unknown[] {
    return this.#one(sql, values, () => this.#db.prepare(sql).all(...values));
  }

  /** Throws what the code may have caught and must not: a refusal, or the end of the transaction. */
  close(): void {
    this.#isOpen = false;
    if (this.#fatal !== undefined) throw this.#fatal as Error;
  }

  #one<T>(sql: string, values: readonly unknown[], execute: () => T): T {
    if (!this.#isOpen)
      throw fault(
        "code-failed",
        "The code used the database after it had ended",
        "Await everything",
      );
    if (this.#fatal !== undefined) throw this.#fatal as Error;
    const statement = { number: this.#statements.length + 1, sql: textOf(sql), line: 1 };
    this.#statements.push(statement);
    try {
      return this.#run(statement, execute, values);
    } catch (error) {
      const isOrdinary = error instanceof StepFault && error.code === "statement-failed";
      if (!isOrdinary || !this.#db.inTransaction) this.#fatal = error;
      throw error;
    }
  }
}

/** Runs a step's `up` or `down` and answers the statements that it executed. Throws a `StepFault`. */
export async function runCode(
  db: Connection,
  step: StepScript,
  run: RunStatement,
): Promise<ScriptAnalysis> {
  const statements: Statement[] = [];
  const database = new StepDatabase(db, run, statements);
  const { version, name, direction } = step;
  try {
    const exported = await loadModule(step.sql, step.language!);
    const code = exported[direction];
    if (typeof code !== "function")
      throw fault(
        "code-failed",
        `It exports no function ${direction}`,
        `export function ${direction}(db) { … }`,
      );
    await (code as (...values: unknown[]) => unknown)(database, { version, name, direction });
    database.close();
  } catch (error) {
    throw codeFault(error, statements.length);
  }
  return { ...CODE, statements };
}

function textOf(sql: unknown): string {
  if (typeof sql !== "string" || sql.includes("\0"))
    throw fault("code-failed", "The code gave something else than SQL text", "Pass a string");
  return sql;
}

/** What it throws itself can carry values of rows. */
function codeFault(error: unknown, statement: number): Error {
  if (error instanceof DomainError) return error;
  const what = error instanceof Error ? `${error.name}: ${error.message}` : "something";
  return fault(
    "code-failed",
    `The code of the step threw ${redactLiterals(what).slice(0, 300)}`,
    "The step was undone. It may import node: modules only: what else it needs must be in its file",
    statement,
  );
}

const fault = (code: string, message: string, hint: string, statement = 0): StepFault =>
  new StepFault({ code, message, hint, ...(statement === 0 ? {} : { statement }) });
