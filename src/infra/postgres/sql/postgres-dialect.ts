import type { Dialect, ScriptAnalysis, ScriptToAnalyze } from "../../../domain/engine/dialect.ts";
import type { Finding } from "../../../domain/migration/events.ts";
import type { Definition } from "../../../domain/schema/definition.ts";
import type { SchemaObject } from "../../../domain/schema/schema.ts";
import type { StatementClass } from "../../../domain/trust/sql-limits.ts";
import { definitionOf } from "./definition.ts";
import { prepareScript } from "./script.ts";
import { statementClass } from "./statement-class.ts";
import { rangeOf, written } from "./tree.ts";

/** PostgreSQL's scripts. Needs `loadParser`. */
export class PostgresDialect implements Dialect {
  analyze({ sql, transaction, verifies = false, language }: ScriptToAnalyze): ScriptAnalysis {
    if (language !== undefined) return CODE_REFUSED;
    const { parts, ...analysis } = prepareScript(sql, transaction);
    if (!verifies) return analysis;
    const findings = parts
      .filter(({ kind }) => kind !== "SelectStmt")
      .map(({ number }) => noQuery(number));
    return { ...analysis, findings: [...analysis.findings, ...findings] };
  }

  classOf(statement: string): StatementClass {
    const [part] = prepareScript(statement, "none").parts;
    return part === undefined ? "other" : statementClass(part);
  }

  creates(sql: string): Pick<SchemaObject, "type" | "name">[] {
    return prepareScript(sql, "required").parts.flatMap(({ kind, node }) => {
      const type = MADE[kind];
      const table = rangeOf(node["relation"] ?? node["view"]);
      if (type === undefined || table === undefined) return [];
      const name = kind === "IndexStmt" ? node["idxname"] : table.name;
      if (typeof name !== "string") return [];
      return [{ type, name: written({ schema: table.schema ?? "public", name }) }];
    });
  }

  describe(object: SchemaObject): Definition {
    return definitionOf(object);
  }
}

const MADE: { readonly [kind: string]: SchemaObject["type"] } = {
  CreateStmt: "table",
  IndexStmt: "index",
  ViewStmt: "view",
};

const noQuery = (statement: number): Finding => ({
  severity: "error",
  code: "verify-not-a-query",
  message: "A verify script holds queries only",
  hint: "Write SELECT statements that return a row, and true if they have one column",
  statement,
});

const CODE_REFUSED: ScriptAnalysis = {
  statements: [],
  rewritings: [],
  findings: [
    {
      severity: "error",
      code: "code-not-supported",
      message: "Migrations of PostgreSQL databases are written in SQL",
      hint: "Write the step as SQL; DO blocks have loops and conditions",
    },
  ],
  destroys: [],
};
