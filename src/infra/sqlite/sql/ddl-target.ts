import { foldName, isWord, nameOf, type Token } from "./tokens.ts";

/** A possibly qualified name: `schema` folded, `name` as written, both unquoted. */
export interface QualifiedName {
  readonly schema: string | null;
  readonly name: string;
}

/** What a CREATE, ALTER or DROP statement is about. */
export interface DdlTarget extends QualifiedName {
  readonly verb: "create" | "alter" | "drop";
  readonly type: "table" | "index" | "view" | "trigger";
  /** The table of a CREATE INDEX or CREATE TRIGGER. */
  readonly on?: QualifiedName;
  /** The new name of ALTER TABLE … RENAME TO. */
  readonly renameTo?: string;
  /** Of ALTER TABLE … RENAME COLUMN, as written, unquoted. */
  readonly renameColumn?: { readonly from: string; readonly to: string };
}

const MODIFIERS = new Set(["TEMP", "TEMPORARY", "UNIQUE", "VIRTUAL"]);
const TYPES: ReadonlyMap<string, DdlTarget["type"]> = new Map([
  ["TABLE", "table"],
  ["INDEX", "index"],
  ["VIEW", "view"],
  ["TRIGGER", "trigger"],
]);
const VERBS: ReadonlyMap<string, DdlTarget["verb"]> = new Map([
  ["CREATE", "create"],
  ["ALTER", "alter"],
  ["DROP", "drop"],
]);

/** Reads the beginning of a DDL statement; undefined if the tokens are something else. */
export function ddlTarget(tokens: readonly Token[]): DdlTarget | undefined {
  const verb = VERBS.get(upper(tokens[0]));
  if (verb === undefined) return undefined;
  let at = 1;
  while (MODIFIERS.has(upper(tokens[at]))) at++;
  const type = TYPES.get(upper(tokens[at]));
  if (type === undefined) return undefined;
  at++;
  if (isWord(tokens[at], "IF")) at += isWord(tokens[at + 1], "NOT") ? 3 : 2;
  const named = qualifiedName(tokens, at);
  if (named === undefined) return undefined;
  const rest = tokens.slice(named.next);
  return { verb, type, ...named.name, ...details(verb, type, rest) };
}

function details(
  verb: DdlTarget["verb"],
  type: DdlTarget["type"],
  rest: readonly Token[],
): Pick<DdlTarget, "on" | "renameTo" | "renameColumn"> {
  if (verb === "create" && (type === "index" || type === "trigger")) {
    const at = rest.findIndex((token) => isWord(token, "ON"));
    const on = at < 0 ? undefined : qualifiedName(rest, at + 1);
    return on === undefined ? {} : { on: on.name };
  }
  if (verb !== "alter" || !isWord(rest[0], "RENAME")) return {};
  return renameOf(rest.slice(1).filter(({ text }) => text !== ";"));
}

/** `TO new` · `[COLUMN] old TO new`: how many there are tells a column that is called `to`. */
function renameOf(rest: readonly Token[]): Pick<DdlTarget, "renameTo" | "renameColumn"> {
  const to = nameAt(rest, rest.length - 1);
  if (to === undefined) return {};
  if (rest.length === 2) return isWord(rest[0], "TO") ? { renameTo: to } : {};
  const from = nameAt(rest, rest.length - 3);
  return from === undefined ? {} : { renameColumn: { from, to } };
}

function qualifiedName(
  tokens: readonly Token[],
  at: number,
): { readonly name: QualifiedName; readonly next: number } | undefined {
  const first = nameAt(tokens, at);
  if (first === undefined) return undefined;
  if (tokens[at + 1]?.text !== ".") return { name: { schema: null, name: first }, next: at + 1 };
  const second = nameAt(tokens, at + 2);
  if (second === undefined) return undefined;
  return { name: { schema: foldName(first), name: second }, next: at + 3 };
}

function nameAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at];
  return token === undefined ? undefined : nameOf(token);
}

const upper = (token: Token | undefined): string =>
  token?.kind === "word" ? token.text.toUpperCase() : "";
