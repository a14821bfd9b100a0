import { InvalidInput } from "../domain/shared/errors.ts";

/** Deepest nesting of a request's JSON: none of ours needs more than five. */
const MAX_DEPTH = 32;
/** Most member names and list entries in one body: 1,000 migrations need far fewer. */
const MAX_ITEMS = 200_000;
/** Names that mean something else to JavaScript than to the sender. */
const FORBIDDEN_NAMES = new Set(["__proto__", "constructor", "prototype"]);
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

const malformed = (message: string): InvalidInput =>
  new InvalidInput("malformed-json", message, { hint: "Send one JSON object as the body" });

/**
 * Parses a request's body. Refuses, beside what is no JSON, everything that two readers could
 * understand differently or that could not be recorded: duplicate member names, lone surrogates,
 * null characters, names of JavaScript's object model, nesting without end. Errors: InvalidInput
 * malformed-json.
 */
export function parseGuarded(text: string): { readonly [member: string]: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the body, which may hold secrets.
    throw malformed("The body is not valid JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw malformed("The body must be a JSON object");
  guard(text);
  return value as { readonly [member: string]: unknown };
}

/** Refuses a name that would reach an object's prototype. */
export function guardName(name: string): void {
  if (FORBIDDEN_NAMES.has(name)) throw malformed(`The name ${name} is not allowed`);
}

/** Walks valid JSON text. Each open object has the set of its names, each open list has null. */
function guard(text: string): void {
  const open: (Set<string> | null)[] = [];
  let items = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]!;
    if (char === "{" || char === "[") {
      open.push(char === "{" ? new Set() : null);
      if (open.length > MAX_DEPTH) throw malformed(`The body is nested deeper than ${MAX_DEPTH}`);
    } else if (char === "}" || char === "]") {
      open.pop();
    } else if (char === ",") {
      items += 1;
      if (items > MAX_ITEMS) throw malformed(`The body has more than ${MAX_ITEMS} members`);
    } else if (char === '"') {
      const end = endOfString(text, at);
      guardString(text.slice(at, end + 1), isName(text, end) ? open.at(-1) : null);
      at = end;
    }
  }
}

/** Index of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

/** In valid JSON a colon follows names and nothing else. */
function isName(text: string, end: number): boolean {
  let next = end + 1;
  while (" \t\r\n".includes(text[next] ?? "x")) next += 1;
  return text[next] === ":";
}

function guardString(quoted: string, names: Set<string> | null | undefined): void {
  const escaped = quoted.includes("\\");
  if (!escaped && !names) return;
  const value = escaped ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  if (value.includes("\0")) throw malformed("The body contains a null character");
  if (escaped && LONE.test(value)) throw malformed("The body contains half a surrogate pair");
  if (!names) return;
  guardName(value);
  if (names.has(value)) throw malformed("The body has a member name twice");
  names.add(value);
}
