import type { RowChange, TableRows } from "../../domain/migration/events.ts";
import type { Catalog, CatalogEntry } from "./catalog.ts";
import { prepared, type Connection } from "./connection.ts";
import { quoteName } from "./quote.ts";
import { sqliteCode } from "./sqlite-error.ts";

/** Rows of every table, by the name that the catalogue has. */
export function countRows(db: Connection, catalog: Catalog): TableRows {
  const rows: { [table: string]: number } = {};
  for (const table of catalog.tables.values()) {
    const count = countTable(db, table);
    if (count !== undefined) rows[table.name] = count;
  }
  return rows;
}

function countTable(db: Connection, table: CatalogEntry): number | undefined {
  try {
    return prepared<[], number>(db, `SELECT count(*) FROM main.${quoteName(table.name)}`)
      .pluck()
      .get();
  } catch (error) {
    // A virtual table whose module is not here, or that cannot be scanned, has no count.
    if (table.kind === "virtual" && sqliteCode(error) === "SQLITE_ERROR") return undefined;
    throw error;
  }
}

/** Tables whose count differs; null where the table is not there. */
export function changedRows(before: TableRows, after: TableRows): RowChange[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .toSorted()
    .map((table) => ({ table, before: before[table] ?? null, after: after[table] ?? null }))
    .filter((change) => change.before !== change.after);
}

/** Both have the same tables with the same counts. */
export const sameRows = (a: TableRows, b: TableRows): boolean => changedRows(a, b).length === 0;
