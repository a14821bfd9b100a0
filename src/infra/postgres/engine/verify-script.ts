import { failOnErrors } from "../../step/step-fault.ts";
import type { Client } from "../connection/open-client.ts";
import { prepareScript } from "../sql/script.ts";
import { statementFault } from "./step-fault.ts";

/**
 * Runs the statements that must hold after the step, unable to write. Each must be a query that
 * returns at least one row; with a single column, no row may be NULL, false, 0 or ''. Throws a
 * `StepFault` otherwise. Inside the step's transaction.
 */
export async function runVerifyScript(client: Client, sql: string): Promise<void> {
  const { parts, findings } = prepareScript(sql, "required");
  failOnErrors(findings);
  // Rolled back with the savepoint, as the setting is: it cannot be lifted within it.
  await client.query("SAVEPOINT schemaledger_verify; SET LOCAL transaction_read_only = on");
  for (const { number, sql: text, kind } of parts) {
    const complaint = kind === "SelectStmt" ? await complaintOf(client, text, number) : NO_QUERY;
    if (complaint !== undefined)
      failOnErrors([
        {
          severity: "error",
          code: "verify-failed",
          message: `Statement ${number} of the verify script ${complaint}`,
          hint: "The step was undone. Each statement must be a SELECT that returns a row, and true if it has one column",
        },
      ]);
  }
  await client.query("ROLLBACK TO SAVEPOINT schemaledger_verify");
}

const NO_QUERY = "is not a query";

async function complaintOf(
  client: Client,
  sql: string,
  number: number,
): Promise<string | undefined> {
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: "array" });
    if (rows.length === 0) return "returns no row";
    const at = rows.findIndex((row) => row.length === 1 && isFalse(row[0]));
    return at < 0 ? undefined : `is not true in row ${at + 1}`;
  } catch (error) {
    throw statementFault(error, number);
  }
}

const isFalse = (value: unknown): boolean =>
  value === null || value === false || value === 0 || value === "0" || value === "";
