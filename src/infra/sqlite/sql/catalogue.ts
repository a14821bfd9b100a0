import type { Database } from "better-sqlite3";
import type { Op } from "./opcodes.ts";
import { foldName, nameOf, sqlTokens } from "./tokens.ts";

/** What the opcodes' numbers mean in the main database's present schema. */
export interface Catalogue {
  /** Table by the root page of the table or of one of its indexes. */
  readonly tableOfPage: ReadonlyMap<number, string>;
  /** Virtual tables by folded name. */
  readonly virtual: ReadonlyMap<string, string>;
}

interface Cached {
  readonly key: string;
  readonly catalogue: Catalogue;
}

const cache = new WeakMap<Database, Cached>();

/**
 * The catalogue that `ops` were compiled against. Kept as long as the schema's cookie and the
 * connection's generation, which compiled statements carry, stay the same.
 */
export function catalogueFor(db: Database, ops: readonly Op[]): Catalogue {
  const main = ops.find((op) => op.opcode === "Transaction" && op.p1 === 0);
  if (main === undefined) return NOTHING;
  const key = `${main.p3}:${main.p4}`;
  const cached = cache.get(db);
  if (cached?.key === key) return cached.catalogue;
  const catalogue = readCatalogue(db);
  cache.set(db, { key, catalogue });
  return catalogue;
}

/** For statements that do not touch the main database. */
const NOTHING: Catalogue = { tableOfPage: new Map(), virtual: new Map() };

function readCatalogue(db: Database): Catalogue {
  const rows = db
    .prepare<[], [name: string, table: string, page: number | bigint | null]>(
      "SELECT name, tbl_name, rootpage FROM main.sqlite_schema WHERE type IN ('table', 'index')",
    )
    .raw()
    .all() as unknown as [string, string, number | bigint | null][];
  const tableOfPage = new Map<number, string>();
  const virtual = new Map<string, string>();
  for (const [name, table, page] of rows)
    if (page === null || Number(page) === 0) virtual.set(foldName(name), name);
    else tableOfPage.set(Number(page), table);
  return { tableOfPage, virtual };
}

/** Main tables, internal ones left out, whose rows the statement may change; sorted. */
export function writtenTables(
  db: Database,
  sql: string,
  ops: readonly Op[],
  catalogue: Catalogue,
): string[] {
  const names = new Set<string>();
  for (const page of writtenPages(ops)) {
    const table = catalogue.tableOfPage.get(page);
    if (table !== undefined && !foldName(table).startsWith("sqlite_")) names.add(table);
  }
  if (ops.some((op) => op.opcode.startsWith("V") && VIRTUAL.has(op.opcode)))
    for (const name of virtualTables(db, sql, catalogue)) names.add(name);
  return [...names].toSorted();
}

const VIRTUAL = new Set(["VUpdate", "VDestroy", "VRename"]);

/** Root pages in the main database that are written, emptied or dropped. */
export function writtenPages(ops: readonly Op[]): number[] {
  const pages: number[] = [];
  for (const { opcode, p1, p2, p3, p5 } of ops)
    if (opcode === "OpenWrite") {
      // With this flag p2 is a register: a table that the statement itself is making.
      if (p3 === 0 && (p5 & 16) === 0) pages.push(p2);
    } else if (opcode === "Clear") {
      if (p2 === 0) pages.push(p1);
    } else if (opcode === "Destroy" && p3 === 0) pages.push(p1);
  return pages;
}

/**
 * The opcodes do not name a virtual table: those the text names, or (through a trigger) all,
 * with the shadow tables in which they keep their rows.
 */
function virtualTables(db: Database, sql: string, { virtual }: Catalogue): string[] {
  const named = new Set<string>();
  for (const token of sqlTokens(sql)) {
    const name = virtual.get(foldName(nameOf(token) ?? ""));
    if (name !== undefined) named.add(name);
  }
  const tables = named.size > 0 ? [...named] : [...virtual.values()];
  const shadows = db
    .prepare<[], string>(
      "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'",
    )
    .pluck()
    .all();
  const prefixes = tables.map((table) => `${foldName(table)}_`);
  const ours = shadows.filter((name) =>
    prefixes.some((prefix) => foldName(name).startsWith(prefix)),
  );
  return [...tables, ...ours];
}
