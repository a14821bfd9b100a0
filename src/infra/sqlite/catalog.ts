import type { SchemaColumn, SchemaObject } from "../../domain/schema/schema.ts";
import { sortSchema } from "../../domain/schema/schema.ts";
import { prepared, type Connection } from "./connection.ts";
import { isOwnTable } from "./meta.ts";
import type { SchemaRow } from "./schema-rows.ts";
import { foldName } from "./sql/tokens.ts";
import { sqliteCode } from "./sqlite-error.ts";

/** A table, index, view or trigger with what only the engine itself knows of it. */
export interface CatalogEntry extends SchemaObject {
  /** 0 where there is none. */
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

interface Row extends SchemaRow {
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

const COLUMN = `x.name, x.type, x."notnull" AS "notNull", x.dflt_value AS "default",
         x.pk AS primaryKey, x.hidden`;
const COLUMNS_OF_ONE = `SELECT ${COLUMN} FROM pragma_table_xinfo(?, 'main') AS x`;
const COLUMNS = `
  SELECT m.name AS object, ${COLUMN}
  FROM main.sqlite_schema AS m JOIN pragma_table_xinfo(m.name, 'main') AS x
  WHERE m.type IN ('table', 'view')`;

/** Reads the catalogue. Two statements for all: a PRAGMA for every table takes ten times longer. */
export function readCatalog(db: Connection): Catalog {
  const rows = db.prepare<[], Row>(OBJECTS).all().filter(isManaged);
  const columns = readColumns(db, rows);
  return catalogOf(rows.map((row) => entryOf(row, columns.get(row.name))));
}

/** `before`: a catalogue with most of these entries, in order. */
function catalogOf(entries: readonly CatalogEntry[], before?: Catalog): Catalog {
  const sorted = sortSchema(inOrderOf(entries, before)) as CatalogEntry[];
  const tables = sorted.filter(({ type }) => type === "table");
  return { entries: sorted, tables: new Map(tables.map((table) => [foldName(table.name), table])) };
}

/** What is in order already is sorted in no time. */
function inOrderOf(
  entries: readonly CatalogEntry[],
  before: Catalog | undefined,
): readonly CatalogEntry[] {
  if (before === undefined) return entries;
  const left = new Set(entries);
  const kept = before.entries.filter((entry) => left.delete(entry));
  return [...kept, ...left];
}

const KIND = "SELECT type AS kind, wr, strict FROM pragma_table_list(?) WHERE schema = 'main'";

/**
 * The catalogue of a schema whose rows are known. What the engine says of a table follows from its
 * own definition: one that was seen before is not asked for again. Views and virtual tables, which
 * can depend on other objects, are.
 */
export function followCatalog(
  db: Connection,
  rows: readonly SchemaRow[],
  before?: Catalog,
): Catalog {
  const own = rows.filter((row) => entries.has(row) || isOfApplication(row));
  if (own.some((row) => !entries.has(row) && isDependent(row))) return readCatalog(db);
  if (before === undefined && !own.every((row) => entries.has(row))) readEntries(db, own);
  return catalogOf(
    own.map((row) => entries.get(row) ?? definitionOf(db, row)),
    before,
  );
}

/** What the engine says of each row; not of views and virtual tables. */
const entries = new WeakMap<SchemaRow, CatalogEntry>();

/** All at once: see `readCatalog`. */
function readEntries(db: Connection, rows: readonly SchemaRow[]): void {
  const found = new Map(readCatalog(db).entries.map((entry) => [keyOf(entry), entry]));
  for (const row of rows) {
    const entry = found.get(keyOf(row));
    if (entry !== undefined) entries.set(row, entry);
  }
}

const keyOf = ({ type, name }: Pick<CatalogEntry, "type" | "name">): string => `${type}:${name}`;

const isDependent = ({ type, sql }: Pick<SchemaRow, "type" | "sql">): boolean =>
  type === "view" || /^\s*create\s+virtual/i.test(sql ?? "");

/** Definitions that this process has met; a rehearsal meets them first. */
const definitions = new Map<string, CatalogEntry>();
const MOST_DEFINITIONS = 10_000;

function definitionOf(db: Connection, row: SchemaRow): CatalogEntry {
  const key = JSON.stringify([row.type, row.name, row.table, row.sql]);
  const known = definitions.get(key);
  const rootPage = row.rootPage ?? 0;
  const entry =
    known === undefined
      ? readEntry(db, row)
      : known.rootPage === rootPage
        ? known
        : { ...known, rootPage };
  if (definitions.size >= MOST_DEFINITIONS) definitions.clear();
  definitions.set(key, entry);
  entries.set(row, entry);
  return entry;
}

function readEntry(db: Connection, row: SchemaRow): CatalogEntry {
  if (row.type !== "table")
    return entryOf({ ...row, kind: null, wr: null, strict: null }, undefined);
  const kind = mayBeSpecial(row)
    ? prepared<[string], Pick<Row, "kind" | "wr" | "strict">>(db, KIND).get(row.name)
    : { kind: "table", wr: 0, strict: 0 };
  const columns = prepared<[string], ColumnRow>(db, COLUMNS_OF_ONE).all(row.name);
  return entryOf({ ...row, ...kind! }, columns.map(columnOf));
}

/** Both are said by these words. Where there is no virtual table, there are no tables of one. */
const mayBeSpecial = ({ sql }: SchemaRow): boolean => /without|strict/i.test(sql ?? "");

const KINDS: ReadonlySet<string> = new Set(["table", "view", "virtual"]);

function entryOf(row: Row, columns: readonly SchemaColumn[] | undefined): CatalogEntry {
  return {
    type: row.type,
    name: row.name,
    table: row.table,
    sql: row.sql ?? "",
    ...(columns === undefined ? {} : { columns }),
    rootPage: row.rootPage ?? 0,
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

/** Whether all of it follows from its definitions: not what modules and views make of others. */
export const isPlain = ({ entries: all }: Catalog): boolean =>
  all.every(({ type, kind }) => type !== "view" && kind !== "virtual");

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
