import type { TransactionMode } from "../../../domain/database/events.ts";
import type { ScriptAnalysis } from "../../../domain/engine/dialect.ts";
import type { Finding } from "../../../domain/migration/events.ts";
import { classify, type Classification } from "./classify.ts";
import { parseSql, SqlSyntaxError, type Parsed } from "./parser.ts";
import { written, type Written } from "./tree.ts";

/** Longest script in bytes of UTF-8: a tree of more of them keeps its reader for seconds. */
const MAX_SCRIPT_BYTES = 4 * 1024 * 1024;

/** One statement with what it is. */
export interface ScriptStatement extends Parsed {
  /** 1-based number in the script as submitted. */
  readonly number: number;
  readonly about: Classification;
}

/** A script, taken apart. */
export interface PreparedScript extends ScriptAnalysis {
  /** Those that run. */
  readonly parts: readonly ScriptStatement[];
}

/**
 * Takes a script apart into the statements that a step runs and refuses by findings of severity
 * `error` what would leave the step's transaction or the database. Decides by text alone; never throws
 * for a script. Needs `loadParser`.
 */
export function prepareScript(sql: string, transaction: TransactionMode): PreparedScript {
  const unreadable = refusalOf(sql);
  if (unreadable !== undefined) return nothing(unreadable);
  try {
    return prepare(parseSql(sql), transaction);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    return nothing(syntaxFinding(error));
  }
}

function prepare(parsed: readonly Parsed[], transaction: TransactionMode): PreparedScript {
  const all = parsed.map((part, at) => ({ ...part, number: at + 1, about: classify(part) }));
  const { parts, rewritings } = withoutFrame(all);
  const findings = [
    ...parts.flatMap((part) => refusals(part, transaction)),
    ...enumFindings(parts, transaction),
  ];
  if (transaction === "none") findings.push(...unprobed(parts));
  if (parts.length === 0) findings.push(EMPTY);
  return {
    parts,
    statements: parts.map(({ number, sql, line }) => ({ number, sql, line })),
    rewritings,
    findings,
    destroys: [...new Set(parts.flatMap(({ about }) => about.destroys.map(written)))],
  };
}

const nothing = (finding: Finding): PreparedScript => ({
  parts: [],
  statements: [],
  rewritings: [],
  findings: [finding],
  destroys: [],
});

const EMPTY: Finding = {
  severity: "info",
  code: "empty-script",
  message: "The script has no statement to run",
  hint: "This is allowed: the step is recorded and changes nothing",
};

function refusalOf(sql: string): Finding | undefined {
  const bytes = Buffer.byteLength(sql);
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
    hint: "Remove the NUL character: PostgreSQL's parser stops there",
  };
}

function syntaxFinding({ message, line, text }: SqlSyntaxError): Finding {
  const isPsql = /^\s*\\/.test(text) || /^[^;]*\t/.test(text);
  return {
    severity: "error",
    code: isPsql ? "psql-script" : "sql-syntax",
    message: isPsql
      ? `Line ${line} is for psql, not for the server: commands with a backslash, or rows after COPY … FROM stdin`
      : `Line ${line}: ${message.slice(0, 200)}`,
    hint: isPsql
      ? "Leave the commands out (pg_dump --inserts writes rows as statements)"
      : "Correct the statement; the grammar is that of PostgreSQL 18",
  };
}

/** Other tools' files write BEGIN and COMMIT around everything: the step's own transaction replaces them. */
function withoutFrame(all: readonly ScriptStatement[]) {
  const first = all[0]?.about.control;
  const last = all.at(-1)?.about.control;
  const isFramed = (first === "BEGIN" || first === "START") && last === "COMMIT" && all.length > 1;
  if (!isFramed) return { parts: all, rewritings: [] };
  const rewritings = [
    `Left out statements 1 and ${all.length} (${first} and COMMIT around everything): the step has a transaction of its own`,
  ];
  return { parts: all.slice(1, -1), rewritings };
}

function refusals(part: ScriptStatement, transaction: TransactionMode): Finding[] {
  const { about } = part;
  const findings: Finding[] = [];
  const refuse = (code: string, message: string, hint: string): void => {
    findings.push({ severity: "error", code, message, hint, statement: part.number });
  };
  if (about.control !== undefined)
    refuse(
      "transaction-control",
      `${about.control} would leave the transaction that makes the step all or nothing`,
      "Remove it: the step runs in one transaction of its own. Only BEGIN and COMMIT around everything are left out automatically",
    );
  if (about.outside !== undefined && transaction === "required")
    refuse(
      "needs-no-transaction",
      `${about.outside} cannot run inside a transaction`,
      'Put it into a migration of its own, declared with transaction: "none"',
    );
  if (about.reachesOut !== undefined)
    refuse(
      "outside-world",
      about.reachesOut,
      "Nothing would undo or record it: bring the rows with INSERT, or load them from the application",
    );
  if (about.unguards !== undefined)
    refuse(
      "guards-off",
      about.unguards,
      "Write the rows in an order that the constraints take, or declare them DEFERRABLE",
    );
  if (about.usesParameter)
    refuse(
      "bind-parameter",
      "The statement has a parameter ($1), for which a script has no value",
      "Write the value into the statement",
    );
  const own = about.mentions.find(isOwn);
  if (own !== undefined)
    refuse(
      "own-tables",
      `The statement names ${written(own)}`,
      "It is the database's own record of its steps and belongs to no migration",
    );
  if (about.leaks !== undefined)
    findings.push({
      severity: "info",
      code: "setting-reset",
      message: `${about.leaks} ends with the step`,
      hint: "Write SET LOCAL, or ALTER DATABASE … SET for one that is to stay",
      statement: part.number,
    });
  return findings;
}

const OWN: ReadonlySet<string> = new Set(["schemaledger_meta", "schemaledger_marker"]);

const isOwn = ({ schema, name }: Written): boolean =>
  OWN.has(name) || (schema === undefined && name === "schemaledger");

/** A value of an enum cannot be used in the transaction that adds it (55P04). */
function enumFindings(parts: readonly ScriptStatement[], transaction: TransactionMode): Finding[] {
  if (transaction === "none") return [];
  return parts.flatMap((part, at): Finding[] => {
    const { enumValue } = part.about;
    if (enumValue === undefined) return [];
    const literal = `'${enumValue.replaceAll("'", "''")}'`;
    const use = parts.slice(at + 1).find(({ sql }) => sql.includes(literal));
    if (use === undefined) return [];
    return [
      {
        severity: "warning",
        code: "enum-value-used",
        message: `Statement ${use.number} seems to use the value ${literal} that statement ${part.number} adds: PostgreSQL refuses it before the value is committed`,
        hint: "Divide the migration in two: one adds the value, the next uses it",
        statement: use.number,
      },
    ];
  });
}

const PROBED: ReadonlySet<string> = new Set([
  "IndexStmt",
  "DropStmt",
  "ReindexStmt",
  "VacuumStmt",
  "AlterEnumStmt",
  "VariableSetStmt",
]);

/** Outside a transaction nobody can tell after a crash whether such a statement was executed. */
function unprobed(parts: readonly ScriptStatement[]): Finding[] {
  const part = parts.find(({ kind }) => !PROBED.has(kind));
  if (part === undefined) return [];
  return [
    {
      severity: "warning",
      code: "not-probed",
      message: `Statement ${part.number} runs outside a transaction, and nothing in the database tells afterwards whether it did`,
      hint: "If the step is interrupted there, the database is locked until somebody decides. Put it into a migration with a transaction",
      statement: part.number,
    },
  ];
}
