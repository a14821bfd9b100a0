import { pragmaNumber, prepared, type Connection } from "./connection.ts";

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
}

const ROWS = "SELECT type, name, tbl_name, sql, rootpage FROM main.sqlite_schema";

/**
 * The rows as they are now: those of `before` if the version is the same. That is proof only while
 * nobody else can have written and nothing was rolled back since `before` was read.
 */
export function readSchemaRows(db: Connection, before?: SchemaRows): SchemaRows {
  const version = pragmaNumber(db, "schema_version");
  if (before?.version === version) return before;
  const rows = prepared<[], Fields>(db, ROWS).raw().all();
  return { version, rows: rows.map(rowOf) };
}

type Fields = [SchemaRow["type"], string, string, string | null, number | null];

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
