import type {
  Dialect,
  ScriptAnalysis,
  ScriptToAnalyze,
  Statement,
} from "../../../domain/engine/dialect.ts";
import type { Finding } from "../../../domain/migration/events.ts";
import type { Definition } from "../../../domain/schema/definition.ts";
import type { SchemaObject } from "../../../domain/schema/schema.ts";
import type { StatementClass } from "../../../domain/trust/sql-limits.ts";
import { analysisOf } from "./code.ts";
import { definitionOf } from "./definition.ts";
import { prepareScript } from "./script.ts";
import { ddlTarget } from "./ddl-target.ts";
import { statementClass } from "./statement-class.ts";
import { firstWord, sqlTokens } from "./tokens.ts";

/** SQLite's scripts. */
export class SqliteDialect implements Dialect {
  analyze({ verifies = false, ...script }: ScriptToAnalyze): ScriptAnalysis {
    const analysis = analysisOf(script);
    if (!verifies || script.language !== undefined) return analysis;
    const findings = analysis.statements.filter(isNoQuery).map(noQuery);
    return { ...analysis, findings: [...analysis.findings, ...findings] };
  }

  classOf(statement: string): StatementClass {
    return statementClass(statement);
  }

  creates(sql: string): Pick<SchemaObject, "type" | "name">[] {
    return prepareScript(sql, "required").statements.flatMap((statement) => {
      const target = ddlTarget(sqlTokens(statement.sql));
      return target?.verb === "create" ? [{ type: target.type, name: target.name }] : [];
    });
  }

  describe(object: SchemaObject): Definition {
    return definitionOf(object);
  }
}

const QUERIES: ReadonlySet<string> = new Set(["SELECT", "WITH", "VALUES"]);

const isNoQuery = ({ sql }: Statement): boolean => !QUERIES.has(firstWord(sql));

const noQuery = ({ number }: Statement): Finding => ({
  severity: "error",
  code: "verify-not-a-query",
  message: "A verify script holds queries only",
  hint: "Write SELECT statements that return a row, and true if they have one column; PRAGMAs have table-valued forms: SELECT … FROM pragma_table_info('t')",
  statement: number,
});
