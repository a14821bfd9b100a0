import type { ForeignKeyFacts, SchemaFacts } from "../../../domain/lint/facts.ts";
import { schemaOf } from "../catalog.ts";
import type { Connection } from "../connection.ts";
import { foldName, sqlTokens } from "../sql/tokens.ts";
import type { KnownState } from "../step-state.ts";
import { changingWords } from "./observed-statement.ts";

/** What rules may know of a schema. */
export function schemaFacts(db: Connection, state: KnownState): SchemaFacts {
  const objects = schemaOf(state.catalog);
  const changing: { [column: string]: readonly string[] } = {};
  for (const { type, name, columns = [] } of objects)
    for (const column of type === "table" ? columns : []) {
      const words = changingWords(sqlTokens(column.default ?? ""));
      if (words.length > 0) changing[`${name}.${column.name}`] = words;
    }
  return { objects, keys: keysOf(db, state), rows: state.rows, changingDefaults: changing };
}

interface ActionRow {
  readonly child: string;
  readonly id: number;
  readonly onDelete: string;
}

const ACTIONS = `SELECT m.name AS child, k.id, k.on_delete AS onDelete
  FROM main.sqlite_schema AS m JOIN pragma_foreign_key_list(m.name, 'main') AS k
  WHERE m.type = 'table' AND k.seq = 0`;

const INDEXES = `SELECT m.name AS "table", l.name AS "index", x.seqno AS seq, x.name AS "column"
  FROM main.sqlite_schema AS m
  JOIN pragma_index_list(m.name, 'main') AS l JOIN pragma_index_xinfo(l.name, 'main') AS x
  WHERE m.type = 'table' AND x.key = 1 AND l.partial = 0 ORDER BY l.name, x.seqno`;

interface IndexRow {
  readonly table: string;
  readonly index: string;
  readonly column: string | null;
}

function keysOf(db: Connection, { foreignKeys, catalog }: KnownState): ForeignKeyFacts[] {
  if (foreignKeys.length === 0) return [];
  const actions = new Map(
    db
      .prepare<[], ActionRow>(ACTIONS)
      .all()
      .map(({ child, id, onDelete }) => [`${child}\0${id}`, onDelete]),
  );
  const indexes = indexesByTable(db);
  return foreignKeys.map(({ child, id, columns, parent }) => {
    const table = catalog.tables.get(foldName(child));
    const primary = (table?.columns ?? [])
      .filter(({ primaryKey }) => primaryKey > 0)
      .toSorted((a, b) => a.primaryKey - b.primaryKey)
      .map((column) => foldName(column.name));
    const wanted = columns.map(foldName);
    const candidates = [...(indexes.get(child) ?? []), primary];
    return {
      child,
      columns,
      parent,
      onDelete: actions.get(`${child}\0${id}`) ?? "NO ACTION",
      indexed: candidates.some((index) => beginsWith(index, wanted)),
    };
  });
}

/** In whatever order: all of them are compared. */
const beginsWith = (index: readonly (string | null)[], wanted: readonly string[]): boolean =>
  index.length >= wanted.length &&
  wanted.every((name) => index.slice(0, wanted.length).includes(name));

function indexesByTable(db: Connection): ReadonlyMap<string, readonly (string | null)[][]> {
  const byIndex = new Map<
    string,
    { readonly table: string; readonly columns: (string | null)[] }
  >();
  for (const { table, index, column } of db.prepare<[], IndexRow>(INDEXES).all()) {
    const known = byIndex.get(index) ?? { table, columns: [] };
    known.columns.push(column === null ? null : foldName(column));
    byIndex.set(index, known);
  }
  const byTable = new Map<string, (string | null)[][]>();
  for (const { table, columns } of byIndex.values())
    byTable.set(table, [...(byTable.get(table) ?? []), columns]);
  return byTable;
}
