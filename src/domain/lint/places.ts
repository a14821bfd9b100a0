import type { LintedStatement } from "./facts.ts";

/**
 * Where statements are written in a file: by statement number, the 1-based line. `from` is where the
 * search begins; the answer says where it ended, for the next script of the same file.
 */
export function placesIn(
  text: string,
  statements: readonly LintedStatement[],
  from = 0,
): { readonly lines: ReadonlyMap<number, number>; readonly end: number } {
  const lines = new Map<number, number>();
  let [end, counted, line] = [from, 0, 1];
  for (const { number, sql } of statements) {
    const start = beginning(text, sql.trimStart(), end);
    if (start < 0) continue;
    line += newlines(text, counted, start);
    counted = start;
    lines.set(number, line);
    end = start + 1;
  }
  return { lines, end };
}

/** A file may have other line ends, or placeholders: the first line tells the place then. */
function beginning(text: string, sql: string, from: number): number {
  const whole = text.indexOf(sql, from);
  if (whole >= 0) return whole;
  const first = sql.slice(0, sql.search(/[\r\n]|$/));
  return first.trim() === "" ? -1 : text.indexOf(first, from);
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1))
    count += 1;
  return count;
}
