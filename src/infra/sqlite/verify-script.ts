import type { Connection } from "./connection.ts";
import { classify } from "./sql/classify.ts";
import { splitSqlite } from "./sql/split.ts";
import { failOnErrors } from "../step/step-fault.ts";
import { statementFault } from "./step-fault.ts";

/**
 * Runs the statements that must hold after the step. Each must be a query that returns at least one
 * row; with a single column, no row may be NULL, 0 or ''. Throws a `StepFault` otherwise.
 */
export function runVerifyScript(db: Connection, sql: string): void {
  db.pragma("query_only = ON");
  try {
    for (const [at, piece] of splitSqlite(sql).entries()) {
      const complaint = complaintOf(db, piece.sql, at + 1);
      if (complaint !== undefined) failOnErrors([finding(complaint, at + 1)]);
    }
  } finally {
    db.pragma("query_only = OFF");
  }
}

function complaintOf(db: Connection, sql: string, number: number): string | undefined {
  try {
    if (classify(db, sql).kind !== "read") return "is not a query";
    const statement = db.prepare(sql);
    if (!statement.reader) return "is not a query";
    return judge(statement.raw().safeIntegers().iterate() as IterableIterator<unknown[]>);
  } catch (error) {
    throw statementFault(error, number, !db.inTransaction);
  }
}

function judge(rows: IterableIterator<unknown[]>): string | undefined {
  let count = 0;
  for (const row of rows) {
    count += 1;
    if (row.length === 1 && isFalse(row[0])) return `is not true in row ${count}`;
  }
  return count === 0 ? "returns no row" : undefined;
}

const isFalse = (value: unknown): boolean =>
  value === null || value === 0n || value === 0 || value === "";

const finding = (complaint: string, number: number) => ({
  severity: "error" as const,
  code: "verify-failed",
  message: `Statement ${number} of the verify script ${complaint}`,
  hint: "The step was undone. Each statement must be a SELECT that returns a row, and true if it has one column",
});
