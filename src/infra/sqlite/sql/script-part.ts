import type { Finding } from "../../../domain/migration/events.ts";
import type { Statement } from "../../../domain/engine/dialect.ts";
import { gatePragma, type PragmaVerdict } from "./pragma-gate.ts";
import { SqlScanner } from "./scanner.ts";
import type { Piece } from "./split.ts";
import { firstToken, nameOf } from "./tokens.ts";

/** One statement of a script with what its text says about it. */
export interface ScriptPart {
  readonly statement: Statement;
  /** First word in upper case, see `firstWord`. */
  readonly word: string;
  /** Plain BEGIN, or COMMIT/END, in a form that SQLite accepts. */
  readonly control: "begin" | "commit" | null;
  /** For PRAGMA only. */
  readonly pragma: PragmaVerdict | null;
}

/** Numbers the pieces of the script `sql` from 1 and reads the beginning of each. */
export function scriptParts(sql: string, pieces: readonly Piece[]): ScriptPart[] {
  let line = 1;
  let counted = 0;
  return pieces.map((piece, index) => {
    const first = firstToken(piece.sql);
    const begin = new SqlScanner(piece.sql);
    skipEmpty(begin);
    const start = piece.start + begin.start;
    line += lines(sql.slice(counted, start));
    counted = start;
    const statement = { number: index + 1, sql: piece.sql.slice(begin.start), line };
    const word = first?.word ?? "";
    return {
      statement,
      word,
      control: first?.explain === true ? null : controlOf(word, statement.sql),
      pragma: word === "PRAGMA" ? gatePragma(statement.sql) : null,
    };
  });
}

/** A finding about one statement. */
export const findingAt = (
  part: ScriptPart,
  severity: Finding["severity"],
  code: string,
  message: string,
  hint: string,
): Finding => ({ severity, code, message, hint, statement: part.statement.number });

function skipEmpty(scanner: SqlScanner): void {
  while (scanner.next()) if (scanner.kind !== "op" || scanner.text !== ";") return;
}

function lines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

const KINDS = new Set(["DEFERRED", "IMMEDIATE", "EXCLUSIVE"]);

/** BEGIN [DEFERRED|IMMEDIATE|EXCLUSIVE] [TRANSACTION [name]] or COMMIT|END [TRANSACTION [name]]. */
function controlOf(word: string, sql: string): "begin" | "commit" | null {
  if (word !== "BEGIN" && word !== "COMMIT" && word !== "END") return null;
  const rest = words(sql).slice(1);
  if (word === "BEGIN" && KINDS.has(rest[0] ?? "")) rest.shift();
  if (rest[0] === "TRANSACTION") rest.splice(0, 2);
  if (rest.length > 0) return null;
  return word === "BEGIN" ? "begin" : "commit";
}

/** The first few tokens, words in upper case, without `;`. */
function words(sql: string): string[] {
  const scanner = new SqlScanner(sql);
  const out: string[] = [];
  while (out.length < 6 && scanner.next()) {
    if (scanner.kind === "op" && scanner.text === ";") continue;
    out.push(scanner.kind === "word" ? scanner.text.toUpperCase() : `"${nameOf(scanner) ?? ""}"`);
  }
  return out;
}
