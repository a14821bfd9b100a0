import { splitSqlite } from "../sqlite/sql/split.ts";
import { firstWord } from "../sqlite/sql/tokens.ts";

/** Set a transaction up and give it up again: a verify script changes nothing here anyway. */
const CONTROL = new Set(["BEGIN", "COMMIT", "END", "ROLLBACK"]);
const QUERIES = new Set(["SELECT", "WITH", "VALUES"]);

/**
 * A verify script of Sqitch succeeds unless a statement fails; one of ours must answer rows that are
 * true. So each query becomes one that counts its rows and is content with any number.
 */
export function sqitchVerify(text: string): { readonly sql?: string; readonly note?: string } {
  const statements = splitSqlite(text)
    .map(({ sql }) => sql.trim().replace(/;$/, ""))
    .filter((sql) => sql !== "" && !CONTROL.has(firstWord(sql)));
  if (statements.length === 0) return {};
  const other = statements.find((sql) => !QUERIES.has(firstWord(sql)));
  if (other !== undefined)
    return { note: `Its verify script is not run: ${firstWord(other)} is no query` };
  // The line end closes a comment behind the query.
  return { sql: statements.map((sql) => `SELECT count(*) >= 0 FROM (${sql}\n);`).join("\n") };
}
