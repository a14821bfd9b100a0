import { createHash } from "node:crypto";
import type { Finding } from "../../domain/migration/events.ts";
import type { Catalog, CatalogEntry } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { quoteName } from "./quote.ts";
import type { ForeignKey } from "./reach.ts";
import { foldName } from "./sql/tokens.ts";

/** The values of one table's columns that other tables refer to. */
interface ParentKey {
  /** Folded. */
  readonly table: string;
  readonly columns: readonly string[];
  readonly rootPage: number;
  readonly count: number;
  readonly digest: string;
}

/** Each key that foreign keys refer to in tables that the script may rebuild. */
export type ParentKeys = readonly ParentKey[];

/** Reads the keys of those of `tables` that foreign keys refer to. */
export function readParentKeys(
  db: Connection,
  { catalog, foreignKeys }: { catalog: Catalog; foreignKeys: readonly ForeignKey[] },
  tables: readonly string[],
): ParentKeys {
  const wanted = new Set(tables.map(foldName));
  const found = new Map<string, ParentKey>();
  for (const { parent, references } of foreignKeys) {
    const table = catalog.tables.get(foldName(parent));
    if (table === undefined || !wanted.has(foldName(parent))) continue;
    const columns = referred(table, references);
    const name = `${foldName(parent)} ${columns.join(",")}`;
    if (columns.length === 0 || found.has(name)) continue;
    found.set(name, readKey(db, table, columns));
  }
  return [...found.values()];
}

/**
 * A rebuild that numbers its rows anew leaves the children with references to other rows: all
 * find a row, so that no foreign key check sees it. Only a warning, for a step may change the
 * references likewise.
 */
export function changedKeys(
  db: Connection,
  before: ParentKeys,
  catalog: Catalog,
  nowNamed: (table: string) => string | undefined,
): Finding[] {
  return before.flatMap((key): Finding[] => {
    const table = catalog.tables.get(nowNamed(key.table) ?? "");
    // A table that kept its place was not rebuilt: its rows were changed by statements that say so.
    if (table === undefined || table.rootPage === key.rootPage) return [];
    if (referred(table, key.columns).length === 0) return [];
    const { count, digest } = readKey(db, table, key.columns);
    if (count !== key.count || digest === key.digest) return [];
    return [
      {
        severity: "warning",
        code: "keys-changed",
        table: table.name,
        message: `The rebuild of ${table.name} keeps the number of rows but changes values of (${key.columns.join(", ")}), to which other tables refer`,
        hint: "Copy these columns too (INSERT … SELECT with an explicit column list), or change the references in the same step",
      },
    ];
  });
}

/** The columns (folded) as the table has them; none if one is missing. */
function referred(table: CatalogEntry, references: readonly (string | null)[]): string[] {
  const columns = table.columns ?? [];
  if (references.includes(null))
    return columns
      .filter(({ primaryKey }) => primaryKey > 0)
      .toSorted((a, b) => a.primaryKey - b.primaryKey)
      .map(({ name }) => foldName(name));
  const names = new Set(columns.map(({ name }) => foldName(name)));
  const wanted = references.map((name) => foldName(name ?? ""));
  return wanted.every((name) => names.has(name)) ? wanted : [];
}

function readKey(db: Connection, table: CatalogEntry, columns: readonly string[]): ParentKey {
  const names = columns.map(quoteName);
  const value = names.map((name) => `quote(${name})`).join(" || ',' || ");
  const values = db
    .prepare<[], string>(
      `SELECT ${value} FROM main.${quoteName(table.name)} ORDER BY ${names.join(", ")}`,
    )
    .pluck()
    .iterate();
  const sum = createHash("sha256");
  let count = 0;
  for (const text of values) {
    count += 1;
    sum.update(`${text}\n`);
  }
  const { name, rootPage } = table;
  return { table: foldName(name), columns, rootPage, count, digest: sum.digest("hex") };
}
