import { jcsString } from "../ledger/jcs.ts";

const MAP = "$map";
const SET = "$set";

/**
 * The one text of a value of the state: JSON with sorted members, absent ones left out. A Map is
 * `{"$map":[[key,value],…]}` and a Set `{"$set":[…]}`, in their order; a member of an object that
 * begins with `$` gets another one. `fromText` reads it.
 */
export function entityText(value: unknown): string {
  if (typeof value === "string") return jcsString(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return listText(value);
  if (value instanceof Map) return `{"${MAP}":${listText([...value])}}`;
  if (value instanceof Set) return `{"${SET}":${listText([...value])}}`;
  return objectText(value as Members);
}

interface Members {
  readonly [member: string]: unknown;
}

function listText(list: readonly unknown[]): string {
  let text = "[";
  for (let i = 0; i < list.length; i += 1) text += (i === 0 ? "" : ",") + entityText(list[i]);
  return `${text}]`;
}

function objectText(object: Members): string {
  let text = "";
  for (const { key, label } of sortedMembers(object)) {
    const value = object[key];
    if (value !== undefined) text += `${text === "" ? "" : ","}${label}${entityText(value)}`;
  }
  return `{${text}}`;
}

interface Member {
  readonly key: string;
  readonly label: string;
}

/** The members of objects last met, by what tells most shapes apart: sorting them costs most. */
const shapes = new Map<string, { readonly keys: readonly string[]; readonly sorted: Member[] }>();
const MAX_SHAPES = 500;

function sortedMembers(object: object): readonly Member[] {
  const keys = Object.keys(object);
  const name = `${keys.length} ${keys[1]} ${keys.at(-1)}`;
  const known = shapes.get(name);
  if (known !== undefined && keys.every((key, i) => key === known.keys[i])) return known.sorted;
  const sorted = keys
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((key) => ({ key, label: label(key) }));
  if (shapes.size >= MAX_SHAPES) shapes.clear();
  shapes.set(name, { keys, sorted });
  return sorted;
}

const label = (key: string): string => `${jcsString(key.startsWith("$") ? `$${key}` : key)}:`;

/** The value of such a text. */
export const fromText = (text: string): unknown => revived(JSON.parse(text));

function revived(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) value[i] = revived(value[i]);
    return value;
  }
  const object = value as { [member: string]: unknown };
  const map = object[MAP];
  if (map !== undefined) return new Map(revived(map) as [unknown, unknown][]);
  const set = object[SET];
  if (set !== undefined) return new Set(revived(set) as unknown[]);
  const keys = Object.keys(object);
  if (keys.some((key) => key.startsWith("$")))
    return Object.fromEntries(keys.map((key) => [unescaped(key), revived(object[key])]));
  for (const key of keys) {
    const member = revived(object[key]);
    if (member !== object[key]) object[key] = member;
  }
  return object;
}

const unescaped = (key: string): string => (key.startsWith("$") ? key.slice(1) : key);
