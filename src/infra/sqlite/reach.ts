import type { Catalog, CatalogEntry } from "./catalog.ts";
import { prepared, type Connection } from "./connection.ts";
import { foldName, nameOf, sqlTokens } from "./sql/tokens.ts";

/** One foreign key: `child` has the columns, `parent` is what they refer to. Names as declared. */
export interface ForeignKey {
  readonly child: string;
  readonly id: number;
  readonly parent: string;
  readonly columns: readonly string[];
  /** The parent's columns; null = its primary key. */
  readonly references: readonly (string | null)[];
}

/**
 * Names (folded) that a text mentions, quoted or not: a superset of the tables it can touch. A
 * string counts too, because SQLite takes one for a name where it expects a name.
 */
export const namesIn = (sql: string): ReadonlySet<string> =>
  new Set(
    sqlTokens(sql).flatMap((token) => {
      const name = nameOf(token);
      return name === undefined ? [] : [foldName(name)];
    }),
  );

/**
 * Every table (folded) that statements mentioning `names` can touch: SQL reaches a table only by
 * its name, directly or through the triggers and views that it sets off.
 */
export function reachOf(catalog: Catalog, names: ReadonlySet<string>): Set<string> {
  const mentions = bodies(catalog);
  const reached = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    open.push(...(mentions.get(name) ?? []));
  }
  return new Set([...reached].filter((name) => catalog.tables.has(name)));
}

/** For each table or view: the names in its triggers and, for a view, in its own text. */
function bodies(catalog: Catalog): ReadonlyMap<string, readonly string[]> {
  const mentions = new Map<string, string[]>();
  for (const entry of catalog.entries)
    if (setsOff(entry)) {
      const key = foldName(entry.table);
      mentions.set(key, [...(mentions.get(key) ?? []), ...namesOf(entry)]);
    }
  return mentions;
}

const names = new WeakMap<CatalogEntry, ReadonlySet<string>>();

function namesOf(entry: CatalogEntry): ReadonlySet<string> {
  const found = names.get(entry) ?? namesIn(entry.sql);
  names.set(entry, found);
  return found;
}

const setsOff = (entry: CatalogEntry): boolean => entry.type === "trigger" || entry.type === "view";

interface KeyRow {
  readonly id: number;
  readonly parent: string;
  readonly column: string;
  readonly reference: string | null;
}

/** Every foreign key of the schema. They follow from each table's own definition. */
export const foreignKeys = (db: Connection, catalog: Catalog): ForeignKey[] =>
  [...catalog.tables.values()].flatMap((table) => keysOf(db, table));

const known = new WeakMap<CatalogEntry, readonly ForeignKey[]>();

function keysOf(db: Connection, table: CatalogEntry): readonly ForeignKey[] {
  const keys = known.get(table) ?? readKeys(db, table);
  known.set(table, keys);
  return keys;
}

type Growing = ForeignKey & { columns: string[]; references: KeyRow["reference"][] };

function readKeys(db: Connection, { name, sql }: CatalogEntry): ForeignKey[] {
  if (!/references/i.test(sql)) return [];
  const rows = prepared<[string], KeyRow>(
    db,
    `SELECT id, "table" AS parent, "from" AS "column", "to" AS reference
     FROM pragma_foreign_key_list(?, 'main') ORDER BY id, seq`,
  ).all(name);
  const keys = new Map<number, Growing>();
  for (const { id, parent, column, reference } of rows) {
    const key = keys.get(id) ?? { child: name, id, parent, columns: [], references: [] };
    key.columns.push(column);
    key.references.push(reference);
    keys.set(id, key);
  }
  return [...keys.values()];
}

/** Child tables (folded) whose violations can change when the `reached` tables do. */
export const childrenAround = (
  keys: readonly ForeignKey[],
  reached: ReadonlySet<string>,
): Set<string> =>
  new Set(
    keys
      .filter(({ child, parent }) => reached.has(foldName(child)) || reached.has(foldName(parent)))
      .map(({ child }) => foldName(child)),
  );
