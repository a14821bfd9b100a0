import type { Constraint, ConstraintKind } from "../../../domain/schema/definition.ts";
import type { SchemaObject } from "../../../domain/schema/schema.ts";
import { isWord, meaningOf, nameOf, type Token } from "./tokens.ts";

/** Words that begin a clause of a column or table definition, and the constraint it is, if any. */
const CLAUSES: ReadonlyMap<string, ConstraintKind | null> = new Map([
  ["PRIMARY", "primary-key"],
  ["UNIQUE", "unique"],
  ["CHECK", "check"],
  ["REFERENCES", "foreign-key"],
  ["FOREIGN", "foreign-key"],
  ["NOT", "not-null"],
  ["NULL", null],
  ["DEFAULT", null],
  ["COLLATE", null],
  ["GENERATED", null],
  ["AS", null],
]);

/** The constraints among the clauses that follow a column's name, or of one table constraint. */
export function constraintsOf(
  tokens: readonly Token[],
  { sql }: Pick<SchemaObject, "sql">,
  column: string | null,
): Constraint[] {
  return clausesOf(tokens, column !== null).flatMap(({ kind, name, from, to }): Constraint[] => {
    if (kind === null) return [];
    const last = tokens[to - 1]!;
    const text = sql.slice(tokens[from]!.start, last.start + last.text.length);
    return [{ kind, name, column, text, meaning: tokens.slice(from, to).map(meaningOf) }];
  });
}

/** SQLite takes table constraints also without commas between them. */
export function splitConstraints(tokens: readonly Token[]): Token[][] {
  const clauses = clausesOf(tokens, false);
  return clauses.map(({ start, to }) => tokens.slice(start, to));
}

interface Clause {
  readonly kind: ConstraintKind | null;
  readonly name: string | null;
  /** With its CONSTRAINT name, and without. */
  readonly start: number;
  readonly from: number;
  readonly to: number;
}

function clausesOf(tokens: readonly Token[], ofColumn: boolean): Clause[] {
  const clauses: {
    kind: ConstraintKind | null;
    name: string | null;
    start: number;
    from: number;
  }[] = [];
  let depth = 0;
  let named: { readonly name: string; readonly at: number } | undefined;
  for (const [at, token] of tokens.entries()) {
    if (token.kind === "op") depth += token.text === "(" ? 1 : token.text === ")" ? -1 : 0;
    if (depth > 0) continue;
    if (isWord(token, "CONSTRAINT")) {
      const name = tokens[at + 1] === undefined ? undefined : nameOf(tokens[at + 1]!);
      if (name !== undefined) named = { name, at };
      continue;
    }
    // The name of a constraint may be a word that begins a clause.
    if (named !== undefined && at === named.at + 1) continue;
    const kind = beginning(tokens, at, ofColumn);
    if (kind === undefined) continue;
    clauses.push({ kind, name: named?.name ?? null, start: named?.at ?? at, from: at });
    named = undefined;
  }
  return clauses.map((clause, at) =>
    Object.assign(clause, { to: clauses[at + 1]?.start ?? tokens.length }),
  );
}

/** Undefined if no clause begins here. */
function beginning(
  tokens: readonly Token[],
  at: number,
  ofColumn: boolean,
): ConstraintKind | null | undefined {
  const token = tokens[at]!;
  if (token.kind !== "word") return undefined;
  const word = token.text.toUpperCase();
  if (!CLAUSES.has(word)) return undefined;
  const before = tokens[at - 1];
  switch (word) {
    case "NULL":
      // Of NOT NULL, DEFAULT NULL, ON DELETE SET NULL.
      return ["NOT", "DEFAULT", "SET"].some((other) => isWord(before, other)) ? undefined : null;
    case "DEFAULT":
      return isWord(before, "SET") ? undefined : null;
    case "NOT":
      return isWord(tokens[at + 1], "NULL") ? "not-null" : undefined;
    case "AS":
      return isWord(before, "ALWAYS") ? undefined : null;
    case "REFERENCES":
      // Of FOREIGN KEY (…) REFERENCES.
      return ofColumn ? "foreign-key" : undefined;
    default:
      return CLAUSES.get(word);
  }
}
