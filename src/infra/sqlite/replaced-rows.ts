import { randomBytes } from "node:crypto";
import type { ScriptAnalysis } from "../../domain/engine/dialect.ts";
import type { Catalog, CatalogEntry } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { quoteName } from "./quote.ts";
import { namesIn } from "./reach.ts";
import type { KnownState } from "./step-state.ts";
import { foldName, sqlTokens, isWord } from "./sql/tokens.ts";

/** The primary keys that a table had, in a temporary table that the step's transaction undoes. */
interface KeptKeys {
  readonly table: CatalogEntry;
  readonly columns: readonly string[];
  readonly copy: string;
}

/** Tables in which REPLACE may delete rows under other keys than those that it writes. */
export type ReplaceableRows = readonly KeptKeys[];

/**
 * Remembers keys where a row count says too little: REPLACE deletes every row that has one of the
 * new row's unique values and puts one in, so that a row can go while the count stays.
 */
export function keepKeys(
  db: Connection,
  { catalog }: Pick<KnownState, "catalog">,
  script: ScriptAnalysis,
  reached: () => ReadonlySet<string>,
): ReplaceableRows {
  const mayReplace = script.open === true || script.statements.some(saysReplace);
  if (!mayReplace && !mentionsReplace(catalog)) return [];
  const touched = reached();
  const tables = [...touched].flatMap((name) => catalog.tables.get(name) ?? []);
  const triggers = catalog.entries.filter(
    ({ type, table }) => type === "trigger" && touched.has(foldName(table)),
  );
  if (!mayReplace && ![...triggers, ...tables].some(saysReplace)) return [];
  const rewritten = rewrittenBy(script);
  return tables
    .filter((table) => table.kind === "table" && !rewritten.has(foldName(table.name)))
    .filter((table) => keyOf(table).length > 0 && hasOtherUnique(db, table))
    .map((table) => copyKeys(db, table));
}

/** How many of the remembered keys are gone, by table name (folded). Forgets the keys. */
export function replacedRows(db: Connection, kept: ReplaceableRows): ReadonlyMap<string, number> {
  return new Map(
    kept.map(({ table, columns, copy }) => {
      const same = columns.map((column) => `t.${column} IS k.${column}`).join(" AND ");
      const gone = isThere(db, table)
        ? db
            .prepare<[], number>(
              `SELECT count(*) FROM temp.${copy} AS k
               WHERE NOT EXISTS (SELECT 1 FROM main.${quoteName(table.name)} AS t WHERE ${same})`,
            )
            .pluck()
            .get()!
        : 0;
      db.exec(`DROP TABLE temp.${copy}`);
      return [foldName(table.name), gone];
    }),
  );
}

const mentioning = new WeakMap<Catalog, boolean>();

/** Whether any definition says REPLACE at all: a trigger's statement, or a conflict clause. */
function mentionsReplace(catalog: Catalog): boolean {
  const known = mentioning.get(catalog) ?? catalog.entries.some(saysReplace);
  mentioning.set(catalog, known);
  return known;
}

const saysReplace = ({ sql }: { readonly sql: string }): boolean =>
  /replace/i.test(sql) && sqlTokens(sql).some((token) => isWord(token, "REPLACE"));

/** A script that deletes rows, changes keys or rebuilds a table says itself what becomes of them. */
const CHANGES_KEYS = ["UPDATE", "DELETE", "ALTER", "DROP"];

export function rewrittenBy(script: ScriptAnalysis): ReadonlySet<string> {
  const texts = script.statements
    .map(({ sql }) => sql)
    .filter((sql) => {
      const tokens = sqlTokens(sql);
      return CHANGES_KEYS.some((word) => tokens.some((token) => isWord(token, word)));
    });
  return namesIn(texts.join(";\n"));
}

const keyOf = ({ columns = [] }: CatalogEntry): string[] =>
  columns.filter(({ primaryKey }) => primaryKey > 0).map(({ name }) => quoteName(name));

const hasOtherUnique = (db: Connection, { name }: CatalogEntry): boolean =>
  db
    .prepare(
      `SELECT 1 FROM pragma_index_list(?, 'main') WHERE "unique" = 1 AND origin <> 'pk' LIMIT 1`,
    )
    .get(name) !== undefined;

const isThere = (db: Connection, { name }: CatalogEntry): boolean =>
  db.prepare("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?").get(name) !==
  undefined;

function copyKeys(db: Connection, table: CatalogEntry): KeptKeys {
  const columns = keyOf(table);
  const copy = `keys_${randomBytes(12).toString("hex")}`;
  db.exec(
    `CREATE TEMP TABLE ${copy} AS SELECT ${columns.join(", ")} FROM main.${quoteName(table.name)}`,
  );
  return { table, columns, copy };
}
