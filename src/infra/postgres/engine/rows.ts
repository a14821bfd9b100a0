import type { TableRows } from "../../../domain/migration/events.ts";
import type { Client } from "../connection/open-client.ts";
import type { Written } from "../sql/tree.ts";
import type { Catalog, CatalogTable } from "./catalog.ts";
import type { Rows } from "./batch.ts";

/** What the present transaction did to the rows of a table, as the server counts it. */
export interface Work {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** By oid. */
export type WorkOfTables = ReadonlyMap<number, Work>;

/**
 * Asks the server for what the present transaction did. Zero stands for the catalogues together: every change of
 * the schema is one of their rows.
 */
export const WORK = `SELECT CASE WHEN relid < 16384 THEN 0 ELSE relid::int8 END AS oid,
  sum(n_tup_ins) AS inserted, sum(n_tup_upd) AS updated, sum(n_tup_del) AS deleted
  FROM pg_stat_xact_all_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 GROUP BY 1`;

/** Whether the catalogues are as they were. */
export const isSchemaUntouched = (work: WorkOfTables): boolean => {
  const { inserted = 0, updated = 0, deleted = 0 } = work.get(0) ?? {};
  return inserted + updated + deleted === 0;
};

/**
 * Rows that the transaction inserted, updated and deleted so far, also by triggers, cascades and
 * functions. Other transactions do not count: rows of a database in use come and go meanwhile.
 */
export function workIn(rows: Rows): WorkOfTables {
  return new Map(
    rows.map((row) => [
      Number(row["oid"]),
      {
        inserted: Number(row["inserted"]),
        updated: Number(row["updated"]),
        deleted: Number(row["deleted"]),
      },
    ]),
  );
}

/** What was done after `before`. */
export function workSince(before: WorkOfTables, after: WorkOfTables): WorkOfTables {
  const none: Work = { inserted: 0, updated: 0, deleted: 0 };
  return new Map(
    [...after].map(([oid, work]) => {
      const was = before.get(oid) ?? none;
      return [
        oid,
        {
          inserted: work.inserted - was.inserted,
          updated: work.updated - was.updated,
          deleted: work.deleted - was.deleted,
        },
      ];
    }),
  );
}

/** One statement for many tables. */
const AT_ONCE = 200;

/** Counts rows exactly, by oid. */
export async function countTables(
  client: Client,
  tables: readonly CatalogTable[],
): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>();
  for (let at = 0; at < tables.length; at += AT_ONCE) {
    const some = tables.slice(at, at + AT_ONCE);
    const terms = some.map(({ name }, i) => `(SELECT count(*) FROM ONLY ${name}) AS "${i}"`);
    const { rows } = await client.query<{ readonly [place: string]: string }>(
      `SELECT ${terms.join(", ")}`,
    );
    for (const [i, { oid }] of some.entries()) counts.set(oid, Number(rows[0]![String(i)]));
  }
  return counts;
}

/** Rows of every table, by name. */
export async function countRows(client: Client, { tables }: Catalog): Promise<TableRows> {
  const all = [...tables.values()];
  const counts = await countTables(client, all);
  return Object.fromEntries(all.map(({ oid, name }) => [name, counts.get(oid)!]));
}

/** Tables larger than this are not counted for what a script might do to them, pages of 8 KiB. */
const LARGE_PAGES = 16_384;

/** Tables that are small enough to be counted for certainty's sake. */
export const countable = (tables: readonly CatalogTable[]): CatalogTable[] =>
  tables.filter(({ pages }) => pages <= LARGE_PAGES);

/** Tables that a name can mean: without a schema, those of every schema. */
export const meant = ({ tables }: Catalog, names: readonly Written[]): CatalogTable[] =>
  [...tables.values()].filter(({ plain }) => names.some((name) => means(name, plain)));

const means = (name: Written, plain: Written): boolean =>
  name.name === plain.name && (name.schema === undefined || name.schema === plain.schema);

/** Whether a declaration (`users`, `public.users`) names the table. */
export const isDeclared = (declared: readonly string[], { name, plain }: CatalogTable): boolean =>
  declared.some(
    (text) => text === name || text === plain.name || text === `${plain.schema}.${plain.name}`,
  );
