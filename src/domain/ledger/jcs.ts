import type { Json } from "../shared/json.ts";

/** A value that has no JSON text. */
export class NotJson extends TypeError {}

/** Text that is its own JSON form: no control characters, quotes, backslashes, surrogates. */
const PLAIN = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/**
 * The one canonical text of a JSON value (RFC 8785): no white space, members sorted by UTF-16 code
 * units. Throws NotJson on what has no such text: `undefined`, functions, numbers that are not
 * finite, lone surrogates. Absent members are dropped before (`payload.ts`), never here.
 */
export function jcs(value: Json): string {
  if (typeof value === "string") return jcsString(value);
  if (typeof value === "number") return jcsNumber(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  if (value === null) return "null";
  if (typeof value !== "object") {
    throw new NotJson(`a value of type ${typeof value} has no JSON form`);
  }
  return isList(value) ? jcsList(value) : jcsObject(value);
}

function jcsNumber(value: number): string {
  if (!Number.isFinite(value)) throw new NotJson("the number is not finite");
  return `${value}`;
}

/** A string, quoted. */
export function jcsString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (LONE.test(text)) throw new NotJson("the string has a lone surrogate");
  return JSON.stringify(text);
}

// Array.isArray does not narrow a readonly array away.
const isList = (value: object): value is readonly Json[] => Array.isArray(value);

function jcsList(list: readonly Json[]): string {
  let text = "[";
  for (let i = 0; i < list.length; i += 1) text += (i === 0 ? "" : ",") + jcs(list[i]!);
  return `${text}]`;
}

/** Each addition costs twice, here and when the bytes are made: members that are text take few. */
function jcsObject(object: { readonly [key: string]: Json | undefined }): string {
  const { order, labels, quoted } = shapeOf(object);
  const values = Object.values(object);
  let text = "{";
  for (let i = 0; i < order.length; i += 1) {
    const value = values[order[i]!];
    text +=
      typeof value === "string" && PLAIN.test(value)
        ? `${quoted[i]!}${value}"`
        : labels[i]! + jcs(value!);
  }
  return `${text}}`;
}

/** The keys of an object as it has them, and how its members are written. */
interface Shape {
  readonly keys: readonly string[];
  /** Where the members to write, in their order, are among the keys. */
  readonly order: readonly number[];
  /** In that order, what comes before a value. */
  readonly labels: readonly string[];
  /** The same with the quote that opens a text. */
  readonly quoted: readonly string[];
}

/** Shapes last met, by their first key: most objects look like one written before. */
const shapes = new Map<string | undefined, Shape>();
const MAX_SHAPES = 500;

function shapeOf(object: object): Shape {
  const keys = Object.keys(object);
  const known = shapes.get(keys[0]);
  if (known !== undefined && sameKeys(known.keys, keys)) return known;
  const order = [...keys.keys()].toSorted((a, b) => (keys[a]! < keys[b]! ? -1 : 1));
  const labels = order.map((at, i) => `${i === 0 ? "" : ","}${jcsString(keys[at]!)}:`);
  const shape = { keys, order, labels, quoted: labels.map((label) => `${label}"`) };
  if (shapes.size >= MAX_SHAPES) shapes.clear();
  shapes.set(keys[0], shape);
  return shape;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
