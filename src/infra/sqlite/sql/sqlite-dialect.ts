import type { Dialect, ScriptAnalysis, ScriptToAnalyze } from "../../../domain/engine/dialect.ts";
import { prepareScript } from "./script.ts";

/** SQLite's scripts. */
export class SqliteDialect implements Dialect {
  analyze({ sql, transaction }: ScriptToAnalyze): ScriptAnalysis {
    return prepareScript(sql, transaction);
  }
}
