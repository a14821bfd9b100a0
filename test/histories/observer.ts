import Database from "better-sqlite3";
import { hash } from "node:crypto";
import { quoteName } from "../../src/infra/sqlite/quote.ts";
import { countTables, tableNames } from "../../src/infra/sqlite/fill-tables.ts";

/** The rows of a database as somebody else sees them. */
export interface Sight {
  readonly rows: ReadonlyMap<string, number>;
  /** Digest of all rows, by table. */
  readonly contents: ReadonlyMap<string, string>;
  /** Ordinary tables' names by root page: a renamed table keeps its page. */
  readonly pages: ReadonlyMap<number, string>;
}

export function look(path: string): Sight {
  const db = new Database(path, { readonly: true });
  try {
    return {
      rows: countTables(db),
      contents: new Map(tableNames(db).map((name) => [name, contentOf(db, name)])),
      pages: new Map(
        db
          .prepare<[], [number, string]>(
            "SELECT rootpage, name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0",
          )
          .raw()
          .all(),
      ),
    };
  } finally {
    db.close();
  }
}

/**
 * Losses between two looks that neither the script nor `allowed` declares, found without any of
 * the product's code: fewer rows, a table gone that no DROP names, or changed rows in a table that
 * the script does not mention.
 */
export function undeclaredLosses(
  before: Sight,
  after: Sight,
  script: string,
  allowed: readonly string[],
): string[] {
  const permitted = new Set(allowed.map(fold));
  return [...before.rows].flatMap(([table, count]): string[] => {
    if (count === 0) return [];
    // First of all: a table made afterwards can get the dropped one's root page.
    if (!after.rows.has(table) && isDropped(table, script)) return [];
    const now = present(table, before, after);
    if (now === undefined) return [`${table} with ${count} rows is gone`];
    const left = after.rows.get(now) ?? 0;
    if (left < count && !permitted.has(fold(table)) && !permitted.has(fold(now)))
      return [`${table} had ${count} rows and has ${left}`];
    const same = after.contents.get(now) === before.contents.get(table);
    const mentioned = new RegExp(escape(table), "i").test(script);
    return same || mentioned ? [] : [`rows of ${table} changed, which the script does not name`];
  });
}

function present(table: string, before: Sight, after: Sight): string | undefined {
  if (after.rows.has(table)) return table;
  const page = [...before.pages].find(([, name]) => name === table)?.[0];
  return page === undefined ? undefined : after.pages.get(page);
}

/** By a DROP of its name, or of the name that the script gave it before. */
function isDropped(table: string, script: string): boolean {
  const name = `["'\`\\[]?\\b${escape(table)}\\b["'\`\\]]?`;
  if (new RegExp(`DROP\\s+TABLE\\s+(IF\\s+EXISTS\\s+)?${name}`, "i").test(script)) return true;
  const rename = new RegExp(`ALTER\\s+TABLE\\s+${name}\\s+RENAME\\s+TO\\s+\\W?(\\w+)`, "i");
  const next = rename.exec(script)?.[1];
  return next !== undefined && fold(next) !== fold(table) && isDropped(next, script);
}

function contentOf(db: Database.Database, table: string): string {
  try {
    const rows = db
      .prepare(`SELECT * FROM ${quoteName(table)}`)
      .safeIntegers()
      .raw()
      .all();
    const texts = rows.map((row) =>
      JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)),
    );
    return hash("sha256", texts.toSorted().join("\n"));
  } catch {
    // A virtual table of a module that is not here.
    return "";
  }
}

const fold = (name: string): string => name.toLowerCase();
const escape = (name: string): string => name.replace(/[^\w]/g, "\\$&");
