import type { SchemaColumn, SchemaRenames } from "../../domain/schema/schema.ts";
import type { Catalog, CatalogEntry } from "./catalog.ts";
import { foldName } from "./sql/tokens.ts";
import { survivor, type TableMoves } from "./table-moves.ts";

/** What a script renamed, in the catalogue's names; undefined if nothing. */
export function schemaRenames(
  before: Catalog,
  after: Catalog,
  moves: TableMoves,
): SchemaRenames | undefined {
  if (before === after) return undefined;
  const tables: SchemaRenames["tables"][number][] = [];
  const columns: SchemaRenames["columns"][number][] = [];
  for (const [name, table] of before.tables) {
    const now = after.tables.get(survivor(name, moves, after) ?? "");
    if (now === undefined) continue;
    if (now.name !== table.name) tables.push({ from: table.name, to: now.name });
    columns.push(...renamedColumns(table, now, moves.columns.get(name)));
  }
  return tables.length + columns.length === 0 ? undefined : { tables, columns };
}

/** Also those that only changed the case of their name. A rebuild can have undone a rename. */
function renamedColumns(
  before: CatalogEntry,
  after: CatalogEntry,
  moved: ReadonlyMap<string, string> = new Map(),
): SchemaRenames["columns"][number][] {
  if (before === after) return [];
  const present = byFoldedName(after.columns ?? []);
  return (before.columns ?? []).flatMap(({ name: from }) => {
    const folded = foldName(from);
    const to = present.get(moved.get(folded) ?? folded);
    return to === undefined || to === from ? [] : [{ table: after.name, from, to }];
  });
}

const byFoldedName = (columns: readonly SchemaColumn[]): ReadonlyMap<string, string> =>
  new Map(columns.map(({ name }) => [foldName(name), name]));
