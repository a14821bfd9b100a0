import type { Catalog, CatalogEntry } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { foldName } from "./quote.ts";
import { nameOf, sqlTokens } from "./sql/tokens.ts";

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
      mentions.set(key, [...(mentions.get(key) ?? []), ...namesIn(entry.sql)]);
    }
  return mentions;
}

const setsOff = (entry: CatalogEntry): boolean => entry.type === "trigger" || entry.type === "view";

interface KeyRow {
  readonly child: string;
  readonly id: number;
  readonly parent: string;
  readonly column: string;
  readonly reference: string | null;
}

/** Every foreign key of the schema. */
export function foreignKeys(db: Connection): ForeignKey[] {
  const rows = db
    .prepare<[], KeyRow>(
      `SELECT m.name AS child, f.id, f."table" AS parent, f."from" AS "column", f."to" AS reference
       FROM main.sqlite_schema AS m JOIN pragma_foreign_key_list(m.name, 'main') AS f
       WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq`,
    )
    .all();
  const keys = new Map<
    string,
    ForeignKey & { columns: string[]; references: KeyRow["reference"][] }
  >();
  for (const { child, id, parent, column, reference } of rows) {
    const key = keys.get(`${id}:${child}`) ?? { child, id, parent, columns: [], references: [] };
    key.columns.push(column);
    key.references.push(reference);
    keys.set(`${id}:${child}`, key);
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
