import { SqlScanner } from "./scanner.ts";

/**
 * Replaces string, number and blob literals in SQL or in an error message by `?`, for literals may
 * be people's data. Names stay. Comments are emptied. When in doubt it hides too much: numbers in
 * prose and everything behind an open quote are replaced too.
 */
export function redactLiterals(text: string): string {
  // SQLite says so when a string was written in double quotes and taken for a name.
  const quotedStrings = /should this be a string literal/.test(text);
  const scanner = new SqlScanner(text);
  let out = "";
  let behind = 0;
  while (scanner.next()) {
    out += gap(text.slice(behind, scanner.start)) + redactToken(scanner, quotedStrings);
    behind = scanner.end;
  }
  return out + gap(text.slice(behind));
}

function redactToken(scanner: SqlScanner, quotedStrings: boolean): string {
  const { kind, text } = scanner;
  if (kind === "string" || kind === "number") return "?";
  if (kind === "word") return /^[0-9]/.test(text) ? "?" : text;
  // A message may quote a piece of SQL: near "'secret'": syntax error.
  if (kind === "quoted" && (quotedStrings || scanner.unclosed !== null || LITERAL.test(text)))
    return `${text[0]!}?${CLOSING[text[0]!]!}`;
  return text;
}

/** A quoted text that holds, or begins as, a literal. */
const LITERAL = /'|^.[xX]?[0-9.]/s;
const CLOSING: { readonly [open: string]: string } = { '"': '"', "`": "`", "[": "]" };

const gap = (text: string): string => (/\S/.test(text) ? " /*?*/ " : text);
