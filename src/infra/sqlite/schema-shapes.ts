import type { SchemaRow } from "./schema-rows.ts";

/**
 * What all schemas have in common that differ in nothing but where their trees are. Equal ones are the
 * same object while it is remembered: what follows from definitions alone can be kept with it.
 */
export interface SchemaShape {
  /** Of the first schema of this shape; the root pages of another one are others. */
  readonly rows: readonly SchemaRow[];
}

/** By version of the schema: a copy of a database counts up as the database will. */
const met = new Map<number, SchemaShape>();
let rowsKept = 0;

/** Versions share the rows that they have in common: one row here is little more than a pointer. */
const MOST_ROWS = 100_000;

/** The rows of the schema that was met last with this version; most often it comes again. */
export const rowsMet = (version: number): readonly SchemaRow[] => met.get(version)?.rows ?? [];

/** The shape of a schema that was read. */
export function shapeOf(version: number, rows: readonly SchemaRow[]): SchemaShape {
  const known = met.get(version);
  if (known !== undefined && isSame(known.rows, rows)) return known;
  if (rowsKept > MOST_ROWS) {
    met.clear();
    rowsKept = 0;
  }
  rowsKept += rows.length;
  const shape = { rows };
  met.set(version, shape);
  return shape;
}

function isSame(some: readonly SchemaRow[], others: readonly SchemaRow[]): boolean {
  return some.length === others.length && some.every((row, at) => isAlike(row, others[at]!));
}

const isAlike = (one: SchemaRow, other: SchemaRow): boolean =>
  one === other ||
  (one.name === other.name &&
    one.sql === other.sql &&
    one.table === other.table &&
    one.type === other.type);
