import { pragmaNumber, prepared, type Connection } from "./connection.ts";
import { rowsMet, shapeOf, type SchemaShape } from "./schema-shapes.ts";

/** One row of `sqlite_schema`, whosever object it is. */
export interface SchemaRow {
  readonly type: "table" | "index" | "view" | "trigger";
  readonly name: string;
  readonly table: string;
  readonly sql: string | null;
  /** Of a virtual table, view or trigger: 0 or null. */
  readonly rootPage: number | null;
}

/** All rows of one version of the schema. */
export interface SchemaRows {
  /** Counted up by SQLite with every change of the schema. */
  readonly version: number;
  readonly rows: readonly SchemaRow[];
  readonly shape: SchemaShape;
}

const ROWS = "SELECT type, name, tbl_name, sql, rootpage FROM main.sqlite_schema";

/**
 * The rows as they are now: those of `before` if the version is the same. That is proof only while
 * nobody else can have written and nothing was rolled back since `before` was read.
 */
export function readSchemaRows(db: Connection, before?: SchemaRows): SchemaRows {
  const version = pragmaNumber(db, "schema_version");
  if (before?.version === version) return before;
  const fields = prepared<[], Fields>(db, ROWS).raw().all();
  const rows = rowsOf(fields, before?.rows ?? rowsMet(version));
  return { version, rows, shape: shapeOf(version, rows) };
}

type Fields = [SchemaRow["type"], string, string, string | null, number | null];

/** How many objects can be dropped at once, with one table, for the others to be recognised. */
const LOOK_AHEAD = 8;

/** A row that is as it was is the same object, so that what was worked out of it holds. */
function rowsOf(fields: readonly Fields[], before: readonly SchemaRow[]): readonly SchemaRow[] {
  let at = 0;
  return fields.map((values) => {
    for (let ahead = at; ahead < at + LOOK_AHEAD && ahead < before.length; ahead += 1) {
      const row = before[ahead]!;
      if (!isRow(row, values)) continue;
      at = ahead + 1;
      return row;
    }
    at += 1;
    return rowOf(values);
  });
}

const isRow = (row: SchemaRow, [type, name, table, sql, rootPage]: Fields): boolean =>
  row.rootPage === rootPage &&
  row.name === name &&
  row.sql === sql &&
  row.table === table &&
  row.type === type;

const rowOf = ([type, name, table, sql, rootPage]: Fields): SchemaRow => ({
  type,
  name,
  table,
  sql,
  rootPage,
});

/** The rows while a script runs: read again only after a statement that changed the schema. */
export class FollowedSchema {
  readonly #db: Connection;
  #rows: SchemaRows;

  constructor(db: Connection, rows: SchemaRows) {
    this.#db = db;
    this.#rows = rows;
  }

  get now(): SchemaRows {
    return this.#rows;
  }

  /** Looks whether the schema was changed. */
  refresh(): SchemaRows {
    return (this.#rows = readSchemaRows(this.#db, this.#rows));
  }
}
