import type { Statement } from "../../../domain/engine/dialect.ts";
import type { LintedStatement } from "../../../domain/lint/facts.ts";
import type { Connection } from "../connection.ts";
import { classify } from "../sql/classify.ts";
import { ddlTarget } from "../sql/ddl-target.ts";
import { firstWord, foldName, isWord, nameOf, sqlTokens, type Token } from "../sql/tokens.ts";

/** What a statement is, and what SQLite would do for it now. Call it just before it runs. */
export function observe(db: Connection, { number, line, sql }: Statement): LintedStatement {
  const tokens = sqlTokens(sql);
  const word = firstWord(sql);
  const ddl = ddlTarget(tokens);
  const top = topLevel(tokens);
  const deletesFrom = deletedFrom(top);
  return {
    number,
    line,
    sql,
    word,
    ...(ddl === undefined
      ? {}
      : {
          target: {
            verb: ddl.verb,
            type: ddl.type,
            name: ddl.name,
            ...(ddl.on === undefined ? {} : { on: ddl.on.name }),
          },
        }),
    writes: writesOf(db, word, sql),
    ...(deletesFrom === undefined ? {} : { deletesFrom }),
    allRows:
      (word === "UPDATE" || word === "DELETE") &&
      !LIMITS.some((limit) => top.some((token) => isWord(token, limit))),
    changing: changingWords(tokens),
  };
}

/** A PRAGMA acts when it is prepared; what cannot be prepared fails when it is run. */
function writesOf(db: Connection, word: string, sql: string): readonly string[] {
  if (word === "PRAGMA") return [];
  try {
    return classify(db, sql).writes;
  } catch {
    return [];
  }
}

/** DELETE FROM t · REPLACE INTO t · INSERT OR REPLACE INTO t, also behind WITH. */
function deletedFrom(top: readonly Token[]): string | undefined {
  if (isWord(top[0], "CREATE")) return undefined;
  const first = top.findIndex((token) => VERBS.some((word) => isWord(token, word)));
  const rest = first < 0 ? [] : top.slice(first);
  const deletes = isWord(rest[0], "DELETE") && isWord(rest[1], "FROM");
  const replaces =
    isWord(rest[0], "REPLACE") || (isWord(rest[1], "OR") && isWord(rest[2], "REPLACE"));
  if (!deletes && !replaces) return undefined;
  const at = rest.findIndex((token) => isWord(token, deletes ? "FROM" : "INTO"));
  const name = rest[at + (rest[at + 2]?.text === "." ? 3 : 1)];
  return name === undefined ? undefined : nameOf(name);
}

const LIMITS = ["WHERE", "LIMIT"];

const VERBS = ["DELETE", "REPLACE", "INSERT"];

/** The tokens that are in no brackets. */
function topLevel(tokens: readonly Token[]): Token[] {
  const top: Token[] = [];
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === "op" && token.text === ")") depth -= 1;
    if (depth === 0) top.push(token);
    if (token.kind === "op" && token.text === "(") depth += 1;
  }
  return top;
}

const CLOCK = new Set(["current_time", "current_date", "current_timestamp"]);
const CHANCE = new Set(["random", "randomblob"]);
const TIMES = new Set([
  "date",
  "time",
  "datetime",
  "julianday",
  "unixepoch",
  "strftime",
  "timediff",
]);

/** Words whose value is another one each time: the clock, chance, and times of `now`. */
export function changingWords(tokens: readonly Token[]): string[] {
  const found = new Set<string>();
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== "word") continue;
    const word = foldName(token.text);
    if (CLOCK.has(word)) found.add(token.text.toUpperCase());
    if (tokens[at + 1]?.text !== "(") continue;
    if (CHANCE.has(word)) found.add(`${word}()`);
    if (TIMES.has(word) && isNow(word, tokens.slice(at + 2))) found.add(`${word}('now')`);
  }
  return [...found];
}

/** Without an argument they mean now, too. */
function isNow(word: string, rest: readonly Token[]): boolean {
  if (rest[0]?.text === ")") return true;
  const value = word === "strftime" ? rest[2] : rest[0];
  if (word === "strftime" && rest[1]?.text === ")") return true;
  return value?.kind === "string" && nameOf(value)?.toLowerCase() === "now";
}
