import { SqlScanner, type TokenKind } from "./scanner.ts";

export interface Token {
  readonly kind: TokenKind;
  /** As written, with its quotes. */
  readonly text: string;
  /** Offset (UTF-16) in the text. */
  readonly start: number;
}

/** All tokens of an SQLite text, without space and comments. */
export function sqlTokens(sql: string): Token[] {
  const scanner = new SqlScanner(sql);
  const tokens: Token[] = [];
  while (scanner.next())
    tokens.push({ kind: scanner.kind, text: scanner.text, start: scanner.start });
  return tokens;
}

/** Lower case as SQLite folds names: ASCII only, for `Ä` and `ä` are two names. */
export const foldName = (name: string): string =>
  HAS_UPPER.test(name) ? name.replace(/[A-Z]+/g, (upper) => upper.toLowerCase()) : name;

const HAS_UPPER = /[A-Z]/;

/** The name a token stands for where SQLite expects one (a string is taken for a name there). */
export function nameOf(token: Pick<Token, "kind" | "text">): string | undefined {
  const { kind, text } = token;
  if (kind === "word") return text;
  if (kind === "quoted" && text.startsWith("["))
    return text.slice(1, text.endsWith("]") ? -1 : undefined);
  if (kind !== "quoted" && !(kind === "string" && text.startsWith("'"))) return undefined;
  const quote = text[0]!;
  const body = text.slice(1, text.length > 1 && text.endsWith(quote) ? -1 : undefined);
  return body.replaceAll(quote + quote, quote);
}

/** True if `token` is the unquoted word `word` (given in upper case). */
export const isWord = (token: Pick<Token, "kind" | "text"> | undefined, word: string): boolean =>
  token?.kind === "word" && token.text.toUpperCase() === word;

/**
 * The first word of a statement in upper case, behind space, `;`, comments, a byte order mark,
 * `EXPLAIN` and `EXPLAIN QUERY PLAN`. Empty if the statement begins with something else.
 */
export function firstWord(sql: string): string {
  return firstToken(sql)?.word ?? "";
}

/** Where the first word is (see `firstWord`); `explain` if EXPLAIN stands before it. */
export function firstToken(
  sql: string,
): { readonly word: string; readonly start: number; readonly explain: boolean } | undefined {
  const scanner = new SqlScanner(sql);
  let explain = false;
  while (scanner.next()) {
    if (scanner.kind === "op" && scanner.text === ";") continue;
    const word = scanner.kind === "word" ? scanner.text.toUpperCase() : "";
    if (word === "EXPLAIN") explain = true;
    else if (!explain || (word !== "QUERY" && word !== "PLAN"))
      return { word, start: scanner.start, explain };
  }
  return undefined;
}

/**
 * The tokens that make up the meaning of a definition in the catalogue, for fingerprints: names
 * and keywords folded and unquoted, literals as written, comments and space left out.
 */
export const schemaTokens = (sql: string): string[] => sqlTokens(sql).map(meaningOf);

/** One token, as in `schemaTokens`. */
export function meaningOf(token: Token): string {
  if (token.kind === "word" || token.kind === "quoted") return `i:${foldName(nameOf(token)!)}`;
  if (token.kind === "number") return `n:${foldName(token.text)}`;
  return token.text;
}
