import { attributesOf } from "./liquibase-changesets.ts";

/** What preconditions mean for a step: it is stopped where they do not hold, runs all the same, or cannot be told. */
export type Preconditions =
  | { readonly guards: readonly string[] }
  | { readonly warned: true }
  | { readonly unsupported: string };

const HEAD = /^--\s*preconditions\b(.*)$/i;
const CHECK = /^--\s*precondition-([\w-]+)\s+(.*)$/i;
const EXPECTED = /^expectedResult:("[^"]*"|'[^']*'|\S+)\s+(.+)$/i;

/**
 * The lines of a changeset. `HALT`, which is the default, stops the run where one does not hold: as a statement that
 * fails does. `WARN` goes on. `CONTINUE` and `MARK_RAN` pass the changeset over, and nobody could tell later whether
 * it ran.
 */
export function preconditionsOf(label: string, lines: readonly string[]): Preconditions {
  const head = attributesOf(lines.map((line) => HEAD.exec(line)?.[1] ?? "").join(" "));
  const reactions = ["onfail", "onerror"].map((key) => head.get(key)?.toUpperCase() ?? "HALT");
  const passing = reactions.find((reaction) => reaction !== "HALT" && reaction !== "WARN");
  if (passing !== undefined) return { unsupported: `a precondition with ${passing}` };
  if (reactions[0] === "WARN") return { warned: true };
  const guards: string[] = [];
  for (const line of lines) {
    if (HEAD.test(line)) continue;
    const guard = guardOf(label, line);
    if (guard === undefined) return { unsupported: `a precondition (${line})` };
    guards.push(guard);
  }
  return { guards };
}

function guardOf(label: string, line: string): string | undefined {
  const [, kind = "", rest = ""] = CHECK.exec(line) ?? [];
  const why = `the precondition of ${label} does not hold`;
  if (kind.toLowerCase() === "sql-check") {
    const [, expected, query] = EXPECTED.exec(rest) ?? [];
    if (expected === undefined) return undefined;
    const value = expected.replace(/^(["'])(.*)\1$/, "$2");
    return failing(`CAST((${query!.replace(/;\s*$/, "")}\n) AS TEXT) IS ${quoted(value)}`, why);
  }
  const type = /^(table|view)-exists$/i.exec(kind)?.[1]?.toLowerCase();
  const name = type === undefined ? undefined : attributesOf(rest).get(type);
  if (name === undefined) return undefined;
  const found = `SELECT 1 FROM sqlite_schema WHERE type = ${quoted(type!)} AND name = ${quoted(name)} COLLATE NOCASE`;
  return failing(`EXISTS (${found})`, why);
}

/** SQLite names what it takes for a path in its error. */
const failing = (condition: string, why: string): string =>
  `SELECT CASE WHEN ${condition} THEN NULL ELSE json_extract('{}', ${quoted(why)}) END;`;

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
