import type { RowChange, TableRows } from "../../domain/migration/events.ts";
import type { Catalog, CatalogEntry } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { quoteName } from "./quote.ts";
import { sqliteCode } from "./sqlite-error.ts";

/** Counts of an earlier moment, and which tables (folded) still have the rows that they had then. */
export interface CarriedRows {
  readonly rows: TableRows;
  readonly isAsBefore: (table: string) => boolean;
}

/** Rows of every table, by the name that the catalogue has. Counts only what is not carried. */
export function countRows(db: Connection, catalog: Catalog, carried?: CarriedRows): TableRows {
  const rows: [table: string, count: number][] = [];
  const plain: CatalogEntry[] = [];
  for (const [name, table] of catalog.tables) {
    const count = carried?.isAsBefore(name) === true ? carried.rows[table.name] : undefined;
    if (count !== undefined) rows.push([table.name, count]);
    else if (table.kind === "virtual") rows.push(...countVirtual(db, table));
    else plain.push(table);
  }
  for (let at = 0; at < plain.length; at += AT_ONCE)
    rows.push(...countTables(db, plain.slice(at, at + AT_ONCE)));
  return Object.fromEntries(rows);
}

/** One statement for many tables: preparing one for each takes longer than counting small tables. */
const AT_ONCE = 200;

const countOf = ({ name }: CatalogEntry): string =>
  `(SELECT count(*) FROM main.${quoteName(name)})`;

function countTables(db: Connection, tables: readonly CatalogEntry[]): [string, number][] {
  const counts = db
    .prepare<[], number[]>(`SELECT ${tables.map(countOf).join(",")}`)
    .raw()
    .get()!;
  return tables.map(({ name }, at) => [name, counts[at]!]);
}

/** Nothing for a virtual table whose module is not here, or that cannot be scanned. */
function countVirtual(db: Connection, table: CatalogEntry): [string, number][] {
  try {
    return countTables(db, [table]);
  } catch (error) {
    if (sqliteCode(error) === "SQLITE_ERROR") return [];
    throw error;
  }
}

/** Tables whose count differs; null where the table is not there. */
export function changedRows(before: TableRows, after: TableRows): RowChange[] {
  const gone = Object.keys(before).filter((table) => after[table] === undefined);
  const other = Object.keys(after).filter((table) => after[table] !== before[table]);
  return [...gone, ...other]
    .toSorted()
    .map((table) => ({ table, before: before[table] ?? null, after: after[table] ?? null }));
}

/** Both have the same tables with the same counts. */
export const sameRows = (a: TableRows, b: TableRows): boolean => changedRows(a, b).length === 0;
