import type { ScriptAnalysis, Statement } from "../../../domain/engine/dialect.ts";
import type { TransactionMode } from "../../../domain/database/events.ts";
import type { Finding } from "../../../domain/migration/events.ts";
import { DestroyedTables } from "./destroyed-tables.ts";
import { nonTransactionalFindings } from "./non-transactional.ts";
import { endsOpen, SqlScanner } from "./scanner.ts";
import { findingAt, scriptParts, type ScriptPart } from "./script-part.ts";
import { isComplete, splitSqlite } from "./split.ts";
import { transactionShape } from "./transaction-shape.ts";

/** Longest script in bytes of UTF-8. */
export const MAX_SCRIPT_BYTES = 16 * 1024 * 1024;

const CONTROL = new Set(["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"]);

/**
 * Takes a script apart into the statements a step runs, leaves out what only fits other runners
 * (recorded in `rewritings`), and refuses by findings of severity `error` what would leave the
 * step's transaction or cannot be run whole. Decides by text alone; never throws for a script.
 */
export function prepareScript(sql: string, transaction: TransactionMode): ScriptAnalysis {
  const refusal = unreadable(sql);
  if (refusal !== undefined)
    return { statements: [], rewritings: [], findings: [refusal], destroys: [] };
  const pieces = splitSqlite(sql);
  const parts = scriptParts(sql, pieces);
  const last = pieces.at(-1);
  const complete = last === undefined || last.terminated || isComplete(last.sql);
  const look = lookThrough(parts, complete && !endsOpen(sql.slice(last?.end ?? 0)));
  if (transaction === "none")
    return {
      statements: parts.map((part) => part.statement),
      rewritings: [],
      findings: [...nonTransactionalFindings(parts), ...look.findings],
      destroys: look.destroys,
    };
  const shape = transactionShape(parts);
  const remaining = parts.filter((part) => !shape.leftOut.has(part));
  const skipped = remaining.filter((part) => part.pragma?.action === "skip");
  const statements: Statement[] = remaining
    .filter((part) => part.pragma?.action !== "skip")
    .map((part) => part.statement);
  const findings = [...remaining.flatMap(transactionalFindings), ...look.findings];
  if (statements.length === 0) findings.push(EMPTY);
  return {
    statements,
    rewritings: [
      ...shape.rewritings,
      ...skipped.map(
        ({ statement, pragma }) =>
          `Left out statement ${statement.number} (PRAGMA ${pragma!.name}): it is never run in a step`,
      ),
    ],
    findings,
    destroys: look.destroys,
  };
}

const EMPTY: Finding = {
  severity: "info",
  code: "empty-script",
  message: "The script has no statement to run",
  hint: "This is allowed: the step is recorded and changes nothing",
};

function unreadable(sql: string): Finding | undefined {
  // A UTF-16 unit takes three bytes at most.
  const bytes = sql.length * 3 > MAX_SCRIPT_BYTES ? Buffer.byteLength(sql) : 0;
  if (bytes > MAX_SCRIPT_BYTES)
    return {
      severity: "error",
      code: "script-too-large",
      message: `The script has ${bytes} bytes; the most is ${MAX_SCRIPT_BYTES}`,
      hint: "Divide it into several migrations, or load bulk data from the application",
    };
  if (!sql.includes("\0")) return undefined;
  return {
    severity: "error",
    code: "nul-in-sql",
    message: "The SQL text has a NUL character",
    hint: "Remove the NUL character: SQLite would ignore everything behind it",
  };
}

function transactionalFindings(part: ScriptPart): Finding[] {
  const { word, pragma } = part;
  if (pragma?.action === "refuse")
    return [findingAt(part, "error", "pragma-refused", pragma.reason!, pragma.hint!)];
  if (pragma?.action === "skip")
    return [findingAt(part, "info", "pragma-skipped", pragma.reason!, pragma.hint!)];
  if (CONTROL.has(word))
    return [
      findingAt(
        part,
        "error",
        "transaction-control",
        `${word} would leave the transaction that makes the step all or nothing`,
        word === "ROLLBACK"
          ? "Remove it: a failing statement rolls the whole step back by itself"
          : "Remove it: the step runs in one transaction of its own. Only BEGIN … COMMIT around everything, and COMMIT; PRAGMA foreign_keys = …; BEGIN, are left out automatically",
      ),
    ];
  if (word === "ATTACH" || word === "DETACH")
    return [
      findingAt(
        part,
        "error",
        word.toLowerCase(),
        `${word} would let the step touch another database, which nothing would roll back`,
        "Register the other database and migrate it by migrations of its own",
      ),
    ];
  if (word !== "VACUUM") return [];
  return [
    findingAt(
      part,
      "error",
      "vacuum",
      "VACUUM cannot run inside a transaction",
      'Put it into a migration of its own, declared with transaction: "none"',
    ),
  ];
}

interface Look {
  readonly findings: readonly Finding[];
  readonly destroys: readonly string[];
}

/** What needs each token of the script. */
function lookThrough(parts: readonly ScriptPart[], complete: boolean): Look {
  const findings: Finding[] = [];
  const destroyed = new DestroyedTables();
  for (const part of parts) {
    let parameter: string | undefined;
    const scanner = new SqlScanner(part.statement.sql);
    while (scanner.next()) {
      if (scanner.kind === "parameter") parameter ??= scanner.text.slice(0, 40);
      destroyed.see(scanner);
    }
    if (parameter !== undefined) findings.push(parameterFinding(part, parameter));
  }
  const last = parts.at(-1);
  if (!complete)
    findings.push({
      severity: "error",
      code: "incomplete-statement",
      message: "The last statement is not complete: a quote, a comment or a trigger is still open",
      hint: "Close it; a trigger ends with END;",
      ...(last === undefined ? {} : { statement: last.statement.number }),
    });
  return { findings, destroys: destroyed.names() };
}

const parameterFinding = (part: ScriptPart, parameter: string): Finding =>
  findingAt(
    part,
    "error",
    "bind-parameter",
    `The statement has the parameter ${parameter}, for which a script has no value: SQLite would take NULL`,
    "Write the value into the statement; a name with special characters needs double quotes",
  );
