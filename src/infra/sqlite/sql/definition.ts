import type {
  ColumnDefinition,
  Constraint,
  Definition,
} from "../../../domain/schema/definition.ts";
import type { SchemaObject } from "../../../domain/schema/schema.ts";
import { constraintsOf, splitConstraints } from "./constraints.ts";
import { foldName, isWord, meaningOf, nameOf, sqlTokens, type Token } from "./tokens.ts";

/** What a definition of SQLite's catalogue says. */
export function definitionOf(object: SchemaObject): Definition {
  const tokens = sqlTokens(object.sql);
  const body = object.type === "table" ? bodyOf(tokens) : undefined;
  if (body === undefined) return wholly(object, tokens);
  const columns: ColumnDefinition[] = [];
  const constraints: Constraint[] = [];
  const names = new Map((object.columns ?? []).map(({ name }) => [foldName(name), name]));
  for (const part of partsOf(tokens.slice(body.open + 1, body.close))) {
    const name = isTableConstraint(part[0]) ? undefined : nameOf(part[0]!);
    if (name === undefined) {
      constraints.push(
        ...splitConstraints(part).flatMap((one) => constraintsOf(one, object, null)),
      );
      continue;
    }
    const column = names.get(foldName(name)) ?? name;
    columns.push({ name: column, meaning: part.slice(1).map(meaningOf) });
    constraints.push(...constraintsOf(part.slice(1), object, column));
  }
  return { meaning: tokens.slice(body.close + 1).map(meaningOf), columns, constraints };
}

/** Virtual tables have columns that their text does not tell. */
function wholly({ type, columns = [] }: SchemaObject, tokens: readonly Token[]): Definition {
  const own = type === "table" ? columns : [];
  return {
    meaning: tokens.map(meaningOf),
    columns: own.map(({ name, type: kind }) => ({ name, meaning: [foldName(kind)] })),
    constraints: [],
  };
}

/** The outer parentheses of CREATE TABLE name ( … ) options. */
function bodyOf(
  tokens: readonly Token[],
): { readonly open: number; readonly close: number } | undefined {
  if (isWord(tokens[1], "VIRTUAL")) return undefined;
  const open = tokens.findIndex(({ kind, text }) => kind === "op" && text === "(");
  if (open < 0) return undefined;
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    depth += nesting(tokens[at]!);
    if (depth === 0) return { open, close: at };
  }
  return undefined;
}

/** Split at the commas that are in no parentheses. */
function partsOf(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    depth += nesting(token);
    if (depth === 0 && token.kind === "op" && token.text === ",") parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

const nesting = ({ kind, text }: Token): number =>
  kind !== "op" ? 0 : text === "(" ? 1 : text === ")" ? -1 : 0;

const isTableConstraint = (token: Token | undefined): boolean =>
  ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"].some((word) => isWord(token, word));
