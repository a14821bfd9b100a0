import type { Token } from "./tokens.ts";
import { foldName, isWord, nameOf, sqlTokens } from "./tokens.ts";

/** A PRAGMA statement taken apart. */
export interface Pragma {
  /** Folded; null if none is written. */
  readonly schema: string | null;
  /** Folded. */
  readonly name: string;
  /** Unquoted, with its sign; null if there is none. `=` and `( )` mean the same to SQLite. */
  readonly value: string | null;
}

/** Takes apart one PRAGMA statement (also under EXPLAIN); undefined if it is not exactly one. */
export function parsePragma(sql: string): Pragma | undefined {
  const tokens = sqlTokens(sql);
  const at = tokens.findIndex((token) => isWord(token, "PRAGMA"));
  if (at < 0) return undefined;
  const rest = tokens.slice(at + 1);
  while (isOp(rest.at(-1), ";")) rest.pop();
  const first = takeName(rest);
  if (first === undefined) return undefined;
  if (!isOp(rest[0], ".")) return withValue(null, first, rest);
  rest.shift();
  const second = takeName(rest);
  return second === undefined ? undefined : withValue(first, second, rest);
}

function withValue(
  schema: string | null,
  name: string,
  rest: readonly Token[],
): Pragma | undefined {
  if (rest.length === 0) return { schema, name, value: null };
  const inner = argument(rest);
  if (inner === undefined) return undefined;
  const signed = isOp(inner[0], "-") || isOp(inner[0], "+");
  const [token, extra] = signed ? inner.slice(1) : inner;
  if (token === undefined || extra !== undefined || token.kind === "parameter") return undefined;
  const value = nameOf(token) ?? (token.kind === "number" ? token.text : undefined);
  if (value === undefined) return undefined;
  return { schema, name, value: isOp(inner[0], "-") ? `-${value}` : value };
}

function argument(rest: readonly Token[]): readonly Token[] | undefined {
  if (isOp(rest[0], "=")) return rest.slice(1);
  if (isOp(rest[0], "(") && isOp(rest.at(-1), ")")) return rest.slice(1, -1);
  return undefined;
}

function takeName(rest: Token[]): string | undefined {
  const token = rest.shift();
  const name = token === undefined ? undefined : nameOf(token);
  return name === undefined ? undefined : foldName(name);
}

const isOp = (token: Token | undefined, op: string): boolean =>
  token?.kind === "op" && token.text === op;
