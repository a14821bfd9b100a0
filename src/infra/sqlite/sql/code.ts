import type { TransactionMode } from "../../../domain/database/events.ts";
import type { ScriptAnalysis, ScriptToAnalyze } from "../../../domain/engine/dialect.ts";
import { prepareScript } from "./script.ts";

/** What is known of a step's code before it runs: nothing. */
export const CODE: ScriptAnalysis = {
  statements: [],
  rewritings: [],
  findings: [],
  destroys: [],
  open: true,
};

/** What is known of a step before it runs. */
export function analysisOf({
  sql,
  transaction,
  language,
}: Pick<ScriptToAnalyze, "sql" | "transaction" | "language">): ScriptAnalysis {
  return language === undefined ? analyzed(sql, transaction) : CODE;
}

/** Of short scripts: they are looked at when they are registered, planned, rehearsed and run. */
const known = new Map<string, ScriptAnalysis>();
const MOST = 500;
const SHORT = 2_000;

function analyzed(sql: string, transaction: TransactionMode): ScriptAnalysis {
  if (sql.length > SHORT) return prepareScript(sql, transaction);
  const key = `${transaction} ${sql}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const analysis = prepareScript(sql, transaction);
  if (known.size >= MOST) known.clear();
  known.set(key, analysis);
  return analysis;
}
