/** What there can be in a schema, in the order in which DDL makes it. */
export const SCHEMA_OBJECT_TYPES = [
  "schema",
  "extension",
  "type",
  "sequence",
  "table",
  "index",
  "view",
  "routine",
  "trigger",
  "rule",
  "policy",
  "event-trigger",
] as const;

/** SQLite has tables, indexes, views and triggers alone. */
export type SchemaObjectType = (typeof SCHEMA_OBJECT_TYPES)[number];

/** One object of a database's logical schema, from the engine's catalogue. */
export interface SchemaObject {
  readonly type: SchemaObjectType;
  readonly name: string;
  /** The table it belongs to; for a table or view its own name. */
  readonly table: string;
  /** The defining statement as the engine keeps it. */
  readonly sql: string;
  /** Columns of a table or view, in order. */
  readonly columns?: readonly SchemaColumn[];
}

export interface SchemaColumn {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  /** SQL text of the default, or null. */
  readonly default: string | null;
  /** 1-based place in the primary key, 0 if not part of it. */
  readonly primaryKey: number;
  readonly generated?: "virtual" | "stored";
  readonly hidden?: boolean;
}

/** A change of one object. `before`/`after` as in the catalogue. */
export interface SchemaChange {
  readonly change: "added" | "removed" | "changed";
  readonly type: SchemaObjectType;
  readonly name: string;
  readonly before?: SchemaObject;
  readonly after?: SchemaObject;
}

/**
 * What a change renamed: a schema before and one after do not tell a rename from a removal and an
 * addition. Names as in the catalogue.
 */
export interface SchemaRenames {
  readonly tables: readonly { readonly from: string; readonly to: string }[];
  /** `table` is the table's name afterwards. */
  readonly columns: readonly {
    readonly table: string;
    readonly from: string;
    readonly to: string;
  }[];
}

/** What an object is known by within its database. */
export const keyOf = ({ type, name }: Pick<SchemaObject, "type" | "name">): string =>
  `${type}:${name}`;

const same = (a: SchemaObject, b: SchemaObject): boolean =>
  a === b ||
  (a.table === b.table && a.sql === b.sql && sameColumns(a.columns ?? [], b.columns ?? []));

/** Member by member: what was read back from the ledger has them in another order. */
const sameColumns = (a: readonly SchemaColumn[], b: readonly SchemaColumn[]): boolean =>
  a.length === b.length &&
  a.every((column, at) => {
    const other = b[at]!;
    return (
      column.name === other.name &&
      column.type === other.type &&
      column.notNull === other.notNull &&
      column.default === other.default &&
      column.primaryKey === other.primaryKey &&
      column.generated === other.generated &&
      column.hidden === other.hidden
    );
  });

/** What turns `before` into `after`: removals, changes, additions, each in catalogue order. */
export function diffSchema(
  before: readonly SchemaObject[],
  after: readonly SchemaObject[],
): SchemaChange[] {
  // From one step to the next nearly all of them are the very same.
  const beforeOnly = without(before, after);
  const afterOnly = without(after, before);
  const old = new Map(beforeOnly.map((object) => [keyOf(object), object]));
  const now = new Map(afterOnly.map((object) => [keyOf(object), object]));
  const changes: SchemaChange[] = [];
  for (const object of beforeOnly)
    if (!now.has(keyOf(object)))
      changes.push({ change: "removed", type: object.type, name: object.name, before: object });
  for (const object of afterOnly) {
    const was = old.get(keyOf(object));
    const { type, name } = object;
    if (was === undefined) changes.push({ change: "added", type, name, after: object });
    else if (!same(was, object))
      changes.push({ change: "changed", type, name, before: was, after: object });
  }
  return changes;
}

function without<T>(some: readonly T[], others: readonly T[]): T[] {
  const known = new Set(others);
  return some.filter((one) => !known.has(one));
}

/** The schema after `changes`, sorted by type and name so that equal schemas are equal values. */
export function applyChanges(
  schema: readonly SchemaObject[],
  changes: readonly SchemaChange[],
): SchemaObject[] {
  const objects = new Map(schema.map((object) => [keyOf(object), object]));
  for (const { after, type, name } of changes)
    if (after === undefined) objects.delete(`${type}:${name}`);
    else objects.set(keyOf(after), after);
  return sortSchema([...objects.values()]);
}

const ORDER: ReadonlyMap<string, number> = new Map(
  SCHEMA_OBJECT_TYPES.map((type, at) => [type, at]),
);

/** By kind, and by name within a kind. The order in which DDL can be run. */
export function sortSchema(objects: readonly SchemaObject[]): SchemaObject[] {
  return objects.toSorted(
    (a, b) =>
      ORDER.get(a.type)! - ORDER.get(b.type)! || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
}
