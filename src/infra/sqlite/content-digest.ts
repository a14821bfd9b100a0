import { createHash } from "node:crypto";
import { readCatalog, type CatalogEntry } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { quoteName } from "./quote.ts";
import { foldName } from "./sql/tokens.ts";

/** Rows joined before they are hashed: far fewer calls. */
const ROWS_A_PIECE = 200;

/** Digest of all rows of every table, by name (folded). Virtual tables are left out. */
export function contentDigests(db: Connection): ReadonlyMap<string, string> {
  const { tables } = readCatalog(db);
  const plain = [...tables].filter(([, table]) => table.kind === "table");
  return new Map(plain.map(([name, table]) => [name, tableDigest(db, table)]));
}

function tableDigest(db: Connection, table: CatalogEntry): string {
  const sum = createHash("sha256");
  const columns = (table.columns ?? []).filter(({ hidden }) => hidden !== true);
  const row = columns.map(({ name }) => valueText(quoteName(name))).join(" || ',' || ");
  const rows = db
    .prepare<[], string>(
      `SELECT ${row} FROM main.${quoteName(table.name)} ORDER BY ${orderOf(table)}`,
    )
    .pluck()
    .iterate();
  let lines: string[] = [];
  for (const line of rows) {
    if (lines.push(line) < ROWS_A_PIECE) continue;
    sum.update(`${lines.join("\n")}\n`);
    lines = [];
  }
  sum.update(lines.join("\n"));
  return sum.digest("hex");
}

/** `quote()` ends a text at a NUL character, which would hide a difference behind it. */
const valueText = (column: string): string =>
  `CASE WHEN typeof(${column}) = 'text' AND instr(CAST(${column} AS BLOB), x'00') > 0
     THEN 'T' || hex(${column}) ELSE quote(${column}) END`;

function orderOf(table: CatalogEntry): string {
  const columns = table.columns ?? [];
  const key = columns
    .filter(({ primaryKey }) => primaryKey > 0)
    .toSorted((a, b) => a.primaryKey - b.primaryKey)
    .map(({ name }) => quoteName(name));
  if (table.withoutRowid) return key.join(", ");
  return rowidName(table) ?? (key.length > 0 ? key.join(", ") : "1");
}

/** A name of the row id that no column of the table hides; undefined if all are taken. */
export function rowidName(table: CatalogEntry): string | undefined {
  const taken = new Set(table.columns?.map(({ name }) => foldName(name)));
  return ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name));
}
