import type { SchemaColumn, SchemaObject } from "../../domain/schema/schema.ts";
import { sortSchema } from "../../domain/schema/schema.ts";
import { prepared, type Connection } from "./connection.ts";
import { isOwnTable } from "./meta.ts";
import { foldName } from "./sql/tokens.ts";
import { sqliteCode } from "./sqlite-error.ts";

/** A table, index, view or trigger with what only the engine itself knows of it. */
export interface CatalogEntry extends SchemaObject {
  readonly rootPage: number;
  readonly kind: "table" | "view" | "virtual" | "other";
  readonly withoutRowid: boolean;
  readonly strict: boolean;
}

/** The logical schema of one moment, without what is not the application's own. */
export interface Catalog {
  readonly entries: readonly CatalogEntry[];
  /** Names (folded) of tables that may be read and counted. */
  readonly tables: ReadonlyMap<string, CatalogEntry>;
}

interface Row {
  readonly type: SchemaObject["type"];
  readonly name: string;
  readonly table: string;
  readonly sql: string | null;
  readonly rootPage: number;
  readonly kind: string | null;
  readonly wr: number | null;
  readonly strict: number | null;
}

interface ColumnRow {
  readonly object: string;
  readonly name: string;
  readonly type: string;
  readonly notNull: number;
  readonly default: string | null;
  readonly primaryKey: number;
  readonly hidden: number;
}

/** The list is made once: joined directly, it would be made anew for every object. */
const OBJECTS = `
  WITH t AS MATERIALIZED (
    SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main')
  SELECT m.type, m.name, m.tbl_name AS "table", m.sql, m.rootpage AS rootPage,
         t.type AS kind, t.wr, t.strict
  FROM main.sqlite_schema AS m
  LEFT JOIN t ON t.name = m.name AND m.type IN ('table', 'view')`;

const COLUMNS = `
  SELECT m.name AS object, x.name, x.type, x."notnull" AS "notNull", x.dflt_value AS "default",
         x.pk AS primaryKey, x.hidden
  FROM main.sqlite_schema AS m JOIN pragma_table_xinfo(m.name, 'main') AS x
  WHERE m.type IN ('table', 'view')`;

/**
 * Reads the catalogue. With the one `before`, only what changed since is looked at: what the engine
 * says of a table follows from its own definition, so an equal text is an equal entry.
 */
export function readCatalog(db: Connection, before?: Catalog): Catalog {
  return (before === undefined ? undefined : readChanges(db, before)) ?? readWhole(db);
}

/** Two statements for all: a PRAGMA for every table takes ten times longer. */
function readWhole(db: Connection): Catalog {
  const rows = db.prepare<[], Row>(OBJECTS).all().filter(isManaged);
  const columns = readColumns(db, rows);
  return catalogOf(rows.map((row) => entryOf(row, columns.get(row.name))));
}

function catalogOf(entries: readonly CatalogEntry[]): Catalog {
  const sorted = sortSchema(entries) as CatalogEntry[];
  const tables = sorted.filter(({ type }) => type === "table");
  return { entries: sorted, tables: new Map(tables.map((table) => [foldName(table.name), table])) };
}

type SchemaRow = Pick<Row, "type" | "name" | "table" | "sql" | "rootPage">;

const SCHEMA = `
  SELECT type, name, tbl_name AS "table", sql, rootpage AS rootPage FROM main.sqlite_schema`;

const KIND = "SELECT type AS kind, wr, strict FROM pragma_table_list(?) WHERE schema = 'main'";

/** Undefined where one object's facts can follow from another's: views and virtual tables. */
function readChanges(db: Connection, before: Catalog): Catalog | undefined {
  const known = new Map(before.entries.map((entry) => [`${entry.type}:${entry.name}`, entry]));
  const rows = prepared<[], SchemaRow>(db, SCHEMA).all().filter(isOfApplication);
  if (rows.some(isDependent) || before.entries.some(isDependent)) return undefined;
  const present = (row: SchemaRow): CatalogEntry => {
    const was = known.get(`${row.type}:${row.name}`);
    if (was === undefined || was.table !== row.table || was.sql !== (row.sql ?? ""))
      return readEntry(db, row);
    return was.rootPage === row.rootPage ? was : { ...was, rootPage: row.rootPage };
  };
  return catalogOf(rows.map(present));
}

const isDependent = ({ type, sql }: Pick<SchemaRow, "type" | "sql">): boolean =>
  type === "view" || /^\s*create\s+virtual/i.test(sql ?? "");

function readEntry(db: Connection, row: SchemaRow): CatalogEntry {
  if (row.type !== "table")
    return entryOf({ ...row, kind: null, wr: null, strict: null }, undefined);
  const kind = prepared<[string], Pick<Row, "kind" | "wr" | "strict">>(db, KIND).get(row.name);
  const columns = prepared<[string], ColumnRow>(db, `${COLUMNS} AND m.name = ?`).all(row.name);
  return entryOf({ ...row, ...kind! }, columns.map(columnOf));
}

const KINDS: ReadonlySet<string> = new Set(["table", "view", "virtual"]);

function entryOf(row: Row, columns: readonly SchemaColumn[] | undefined): CatalogEntry {
  return {
    type: row.type,
    name: row.name,
    table: row.table,
    sql: row.sql ?? "",
    ...(columns === undefined ? {} : { columns }),
    rootPage: row.rootPage,
    kind: KINDS.has(row.kind ?? "") ? (row.kind as CatalogEntry["kind"]) : "other",
    withoutRowid: row.wr === 1,
    strict: row.strict === 1,
  };
}

/**
 * Left out: the engine's internal objects (statistics, sequences, automatic indexes), the product's
 * own tables, and the tables that a virtual table's module made for itself.
 */
const isManaged = (row: Row): boolean => isOfApplication(row) && row.kind !== "shadow";

const isOfApplication = ({ name }: { readonly name: string }): boolean =>
  !foldName(name).startsWith("sqlite_") && !isOwnTable(name);

function readColumns(
  db: Connection,
  objects: readonly Row[],
): ReadonlyMap<string, readonly SchemaColumn[]> {
  try {
    return grouped(db.prepare<[], ColumnRow>(COLUMNS).all());
  } catch (error) {
    // One view over a missing table, or a virtual table without its module, fails the whole join.
    if (sqliteCode(error) !== "SQLITE_ERROR") throw error;
  }
  const single = db.prepare<[string], ColumnRow>(`${COLUMNS} AND m.name = ?`);
  const readable = objects.flatMap(({ name }) => {
    try {
      return single.all(name);
    } catch (error) {
      if (sqliteCode(error) !== "SQLITE_ERROR") throw error;
      return [];
    }
  });
  return grouped(readable);
}

function grouped(rows: readonly ColumnRow[]): ReadonlyMap<string, readonly SchemaColumn[]> {
  const columns = new Map<string, SchemaColumn[]>();
  for (const row of rows) {
    const list = columns.get(row.object);
    if (list === undefined) columns.set(row.object, [columnOf(row)]);
    else list.push(columnOf(row));
  }
  return columns;
}

const columnOf = (row: ColumnRow): SchemaColumn => ({
  name: row.name,
  type: row.type,
  notNull: row.notNull === 1,
  default: row.default,
  primaryKey: row.primaryKey,
  ...(row.hidden === 2 ? { generated: "virtual" } : {}),
  ...(row.hidden === 3 ? { generated: "stored" } : {}),
  ...(row.hidden === 1 ? { hidden: true } : {}),
});

/** The catalogue as the ledger keeps it. An entry gives the same object every time. */
export const schemaOf = (catalog: Catalog): SchemaObject[] => catalog.entries.map(objectOf);

const objects = new WeakMap<CatalogEntry, SchemaObject>();

function objectOf(entry: CatalogEntry): SchemaObject {
  const known = objects.get(entry);
  if (known !== undefined) return known;
  const { type, name, table, sql, columns } = entry;
  const object = { type, name, table, sql, ...(columns === undefined ? {} : { columns }) };
  objects.set(entry, object);
  return object;
}
