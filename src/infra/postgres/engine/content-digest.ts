import type { Client } from "../connection/open-client.ts";
import type { CatalogTable } from "./catalog.ts";

/** Rows of one table. */
export interface TableContent {
  readonly rows: number;
  /** Equal for equal rows in whatever order; null without rows. */
  readonly digest: string | null;
}

/** By name. */
export type Content = { readonly [table: string]: TableContent };

const SETTINGS = `SET LOCAL DateStyle = 'ISO, MDY'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL TimeZone = 'UTC';
SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL search_path = pg_catalog; SET LOCAL row_security = off`;

/** Reads every row of the tables. Inside a transaction. */
export async function readContent(
  client: Client,
  tables: Iterable<CatalogTable>,
  onTable: (number: number) => void = () => {},
): Promise<Content> {
  await client.query(SETTINGS);
  const content: { [table: string]: TableContent } = {};
  let number = 0;
  for (const { name } of tables) {
    const { rows } = await client.query<{ readonly rows: string; readonly digest: string | null }>(
      `SELECT count(*) AS rows, sum(hashtextextended(t::text, 0)::numeric)::text AS digest FROM ONLY ${name} t`,
    );
    content[name] = { rows: Number(rows[0]!.rows), digest: rows[0]!.digest };
    onTable((number += 1));
  }
  return content;
}

/** Tables whose rows are others, or that only one of the two has. */
export const otherTables = (a: Content, b: Content): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((name) => a[name]?.rows !== b[name]?.rows || a[name]?.digest !== b[name]?.digest)
    .toSorted();

/** How many rows each table has. */
export const rowsOf = (content: Content): { readonly [table: string]: number } =>
  Object.fromEntries(Object.entries(content).map(([name, { rows }]) => [name, rows]));
