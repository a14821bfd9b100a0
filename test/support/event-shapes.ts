import { filesIn, textOf } from "./repository.ts";

/** Event type → names of its data's members, `?` kept, as the sources declare them. */
export function eventShapes(): ReadonlyMap<string, readonly string[]> {
  const sources = filesIn("src/domain", "events.ts").map(textOf);
  const interfaces = new Map(sources.flatMap((source) => interfacesOf(source)));
  const shapes = new Map<string, readonly string[]>();
  for (const source of sources)
    for (const [name, body] of interfacesOf(source))
      if (/^[A-Z]\w*Events$/.test(name))
        for (const [type, shape] of membersOf(body)) shapes.set(type, namesOf(shape, interfaces));
  return shapes;
}

/** Interfaces of a source: name and what is between the braces. */
function interfacesOf(source: string): [name: string, body: string][] {
  const code = withoutComments(source);
  return [...code.matchAll(/export interface (\w+)[^{]*\{/g)].map((found) => [
    found[1]!,
    inBraces(code, found.index + found[0].length - 1),
  ]);
}

/** Top-level members of a body: name and type. */
function membersOf(body: string): [name: string, type: string][] {
  const members: [string, string][] = [];
  let depth = 0;
  let start = 0;
  const whole = `${body};`;
  for (let at = 0; at < whole.length; at += 1) {
    const char = whole[at]!;
    if ("{[(".includes(char)) depth += 1;
    if ("}])".includes(char)) depth -= 1;
    if (char !== ";" || depth > 0) continue;
    const [, name, type] = /^\s*readonly (\w+\??):\s*([\s\S]*)$/.exec(whole.slice(start, at)) ?? [];
    if (name !== undefined && type !== undefined) members.push([name, type]);
    start = at + 1;
  }
  return members;
}

/** Members of `{ … }`, of a named interface, or of several joined by `&`. */
function namesOf(type: string, interfaces: ReadonlyMap<string, string>): string[] {
  const brace = type.indexOf("{");
  const named = (brace < 0 ? type : type.slice(0, brace)).match(/\w+/g) ?? [];
  const literal = brace < 0 ? [] : membersOf(inBraces(type, brace));
  return [...named.flatMap((name) => membersOf(interfaces.get(name) ?? "")), ...literal].map(
    ([name]) => name,
  );
}

function inBraces(text: string, open: number): string {
  let depth = 0;
  for (let at = open; ; at += 1) {
    if (text[at] === "{") depth += 1;
    if (text[at] === "}") depth -= 1;
    if (depth === 0) return text.slice(open + 1, at);
  }
}

const withoutComments = (source: string): string =>
  source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "");
