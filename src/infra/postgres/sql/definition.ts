import type { Constraint, ConstraintKind, Definition } from "../../../domain/schema/definition.ts";
import type { SchemaColumn, SchemaObject } from "../../../domain/schema/schema.ts";

/** What an object of the catalogue says. The text of a table is the product's own: a line for each part. */
export function definitionOf({ type, sql, columns = [] }: SchemaObject): Definition {
  if (type !== "table") return { meaning: meaningOf(sql), columns: [], constraints: [] };
  const lines = sql.split("\n");
  return {
    meaning: meaningOf([lines[0], ...lines.slice(lines.lastIndexOf(")"))].join(" ")),
    columns: columns.map((column) => ({ name: column.name, meaning: columnMeaning(column) })),
    constraints: lines.flatMap(constraintOf),
  };
}

const columnMeaning = (column: SchemaColumn): string[] => [
  ...meaningOf(column.type),
  ...(column.notNull ? ["NOT", "NULL"] : []),
  ...(column.default === null ? [] : ["DEFAULT", ...meaningOf(column.default)]),
  ...(column.generated === undefined ? [] : [column.generated]),
];

const LINE = /^ {2}CONSTRAINT ("(?:[^"]|"")+"|\S+) (.*?),?$/s;

function constraintOf(line: string): Constraint[] {
  const [, name, text] = LINE.exec(line) ?? [];
  if (name === undefined || text === undefined) return [];
  const kind = kindOf(text);
  if (kind === undefined) return [];
  return [{ kind, name: unquoted(name), column: null, text, meaning: meaningOf(text) }];
}

const KINDS: readonly (readonly [RegExp, ConstraintKind])[] = [
  [/^PRIMARY KEY/, "primary-key"],
  [/^UNIQUE/, "unique"],
  [/^FOREIGN KEY/, "foreign-key"],
  [/^(CHECK|EXCLUDE)/, "check"],
];

const kindOf = (text: string): ConstraintKind | undefined =>
  KINDS.find(([pattern]) => pattern.test(text))?.[1];

const unquoted = (name: string): string =>
  name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;

const TOKENS = /'(?:[^']|'')*'|"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*|\d[\w.]*|\S/gu;

/** Tokens freed of their spelling; a name is `i:` and the name. */
function meaningOf(text: string): string[] {
  return (text.match(TOKENS) ?? []).map((token) =>
    /^["\p{L}_]/u.test(token) ? `i:${unquoted(token)}` : token,
  );
}
