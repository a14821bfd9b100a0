import type { ForeignKeyFacts, SchemaFacts } from "../../../domain/lint/facts.ts";
import { schemaOf, type CatalogEntry } from "../catalog.ts";
import { prepared, type Connection } from "../connection.ts";
import { foldName, sqlTokens } from "../sql/tokens.ts";
import type { KnownState } from "../step-state.ts";
import { changingWords } from "./observed-statement.ts";

/** What rules may know of a schema. What did not change is looked at once. */
export function schemaFacts(db: Connection, state: KnownState): SchemaFacts {
  const { entries, tables } = state.catalog;
  const changing: { [column: string]: readonly string[] } = {};
  for (const table of tables.values()) Object.assign(changing, changingDefaults(table));
  return {
    objects: schemaOf(state.catalog),
    keys: keysOf(db, state, indexTexts(entries)),
    rows: state.rows,
    changingDefaults: changing,
  };
}

type Defaults = SchemaFacts["changingDefaults"];

const defaults = new WeakMap<CatalogEntry, Defaults>();

function changingDefaults(table: CatalogEntry): Defaults {
  const known = defaults.get(table);
  if (known !== undefined) return known;
  const found: { [column: string]: readonly string[] } = {};
  for (const column of table.columns ?? []) {
    const words = column.default === null ? [] : changingWords(sqlTokens(column.default));
    if (words.length > 0) found[`${table.name}.${column.name}`] = words;
  }
  defaults.set(table, found);
  return found;
}

/** By folded table: what its indexes say, to tell whether they are as they were. */
function indexTexts(entries: readonly CatalogEntry[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { type, table, sql } of entries) {
    if (type !== "index") continue;
    const name = foldName(table);
    texts.set(name, `${texts.get(name) ?? ""}${sql};`);
  }
  return texts;
}

interface TableKeys {
  readonly indexes: string;
  readonly keys: readonly ForeignKeyFacts[];
}

const known = new WeakMap<CatalogEntry, TableKeys>();

function keysOf(
  db: Connection,
  state: KnownState,
  texts: ReadonlyMap<string, string>,
): ForeignKeyFacts[] {
  const children = new Set(state.foreignKeys.map(({ child }) => foldName(child)));
  return [...children].flatMap((child) => {
    const table = state.catalog.tables.get(child)!;
    const indexes = texts.get(child) ?? "";
    const before = known.get(table);
    if (before?.indexes === indexes) return before.keys;
    const own = state.foreignKeys.filter((key) => foldName(key.child) === child);
    const keys = factsOf(db, table, own);
    known.set(table, { indexes, keys });
    return keys;
  });
}

const ACTIONS =
  "SELECT id, on_delete AS onDelete FROM pragma_foreign_key_list(?, 'main') WHERE seq = 0";

const INDEXES = `SELECT l.name AS "index", x.name AS "column"
  FROM pragma_index_list(?, 'main') AS l JOIN pragma_index_xinfo(l.name, 'main') AS x
  WHERE x.key = 1 AND l.partial = 0 ORDER BY l.name, x.seqno`;

function factsOf(
  db: Connection,
  table: CatalogEntry,
  own: KnownState["foreignKeys"],
): ForeignKeyFacts[] {
  const { name } = table;
  const actions = new Map(
    prepared<[string], { id: number; onDelete: string }>(db, ACTIONS)
      .all(name)
      .map(({ id, onDelete }) => [id, onDelete]),
  );
  const primary = (table.columns ?? [])
    .filter(({ primaryKey }) => primaryKey > 0)
    .toSorted((a, b) => a.primaryKey - b.primaryKey)
    .map((column) => foldName(column.name));
  const indexes = [...indexesOf(db, name), primary];
  return own.map(({ id, columns, parent }) => ({
    child: name,
    columns,
    parent,
    onDelete: actions.get(id) ?? "NO ACTION",
    indexed: indexes.some((index) => beginsWith(index, columns.map(foldName))),
  }));
}

/** In whatever order: all of them are compared. */
const beginsWith = (index: readonly (string | null)[], wanted: readonly string[]): boolean =>
  index.length >= wanted.length &&
  wanted.every((name) => index.slice(0, wanted.length).includes(name));

function indexesOf(db: Connection, table: string): (string | null)[][] {
  const indexes = new Map<string, (string | null)[]>();
  const rows = prepared<[string], { index: string; column: string | null }>(db, INDEXES).all(table);
  for (const { index, column } of rows) {
    const columns = indexes.get(index) ?? [];
    columns.push(column === null ? null : foldName(column));
    indexes.set(index, columns);
  }
  return [...indexes.values()];
}
