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

/** What a row of `sqlite_schema` says of where its rows are. */
export interface PlacedObject {
  readonly type: string;
  readonly name: string;
  readonly table: string;
  readonly rootPage: number | null;
}

const known = new WeakMap<readonly PlacedObject[], Catalogue>();

/** The catalogue of a schema; the same rows give the same one. */
export function catalogueOf(rows: readonly PlacedObject[]): Catalogue {
  const found = known.get(rows) ?? readCatalogue(rows);
  known.set(rows, found);
  return found;
}

/** For statements that do not touch the main database. */
export const NOTHING: Catalogue = { tableOfPage: new Map(), virtual: new Map() };

function readCatalogue(rows: readonly PlacedObject[]): Catalogue {
  const tableOfPage = new Map<number, string>();
  const virtual = new Map<string, string>();
  for (const { type, name, table, rootPage } of rows) {
    const page = Number(rootPage ?? 0);
    if (page !== 0) tableOfPage.set(page, table);
    else if (type === "table") virtual.set(foldName(name), name);
  }
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
  if (ops.some((op) => VIRTUAL.has(op.opcode)))
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
