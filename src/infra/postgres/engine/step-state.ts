import type { Meta } from "../../../domain/engine/database-engine.ts";
import type { Client } from "../connection/open-client.ts";
import type { ScriptStatement } from "../sql/script.ts";
import { readCatalog, type Catalog, type CatalogTable } from "./catalog.ts";
import { appliedVersions } from "./markers.ts";
import { countable, countTables, meant, readWork, type WorkOfTables } from "./rows.ts";
import type { OwnTables } from "./session.ts";
import { useOwnPath, usePlainPath } from "./transaction.ts";

/** All that a step needs to know of the database before its first statement. */
export interface KnownState {
  readonly meta: Meta;
  readonly applied: readonly string[];
  readonly catalog: Catalog;
  /** The definitions of the product's own tables. */
  readonly ownObjects: string;
}

/** Reads the state inside the step's transaction. `meta` as it was before the fence was raised. */
export async function readState(client: Client, own: OwnTables, meta: Meta): Promise<KnownState> {
  await usePlainPath(client);
  const state = {
    meta,
    applied: await appliedVersions(client, own),
    catalog: await readCatalog(client, own.schema),
    ownObjects: await ownObjects(client, own),
  };
  await useOwnPath(client);
  return state;
}

const OWN_OBJECTS = `SELECT coalesce(json_agg(json_build_array(c.oid, c.relfilenode, c.relhastriggers, c.relhasrules,
  (SELECT json_agg(json_build_array(a.attname, a.atttypid, a.attisdropped) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)
  ) ORDER BY c.relname)::text, '') AS own FROM pg_class c WHERE c.oid IN (to_regclass($1), to_regclass($2))`;

/** The own tables as one value: a step must leave it alone. */
export const ownObjects = async (client: Client, own: OwnTables): Promise<string> =>
  (await client.query<{ readonly own: string }>(OWN_OBJECTS, [own.meta, own.marker])).rows[0]!.own;

/** What was there before the step's first statement, to compare with. */
export interface Baseline {
  readonly state: KnownState;
  /** Exact counts of tables that the script can take rows from in ways that are not counted, by oid. */
  readonly rows: ReadonlyMap<number, number>;
  readonly work: WorkOfTables;
}

/** Takes what the checks after the step compare with. Inside the transaction. */
export async function takeBaseline(
  client: Client,
  state: KnownState,
  parts: readonly ScriptStatement[],
): Promise<Baseline> {
  const tables = tablesToCount(state.catalog, parts);
  return {
    state,
    rows: await countTables(client, tables),
    work: await readWork(client),
  };
}

/** Kinds that take rows without deleting them one by one. */
const WHOLESALE: ReadonlySet<string> = new Set(["DropStmt", "TruncateStmt", "DropOwnedStmt"]);

function tablesToCount(catalog: Catalog, parts: readonly ScriptStatement[]): CatalogTable[] {
  const all = [...catalog.tables.values()];
  const isOpen = parts.some(({ about, kind, node }) => about.opaque || dropsMore(kind, node));
  const wholesale = parts.filter(({ kind }) => WHOLESALE.has(kind));
  const named = meant(
    catalog,
    wholesale.flatMap(({ about }) => about.mentions),
  );
  return isOpen ? [...new Set([...named, ...countable(all)])] : named;
}

/** What goes with a schema, an owner or by CASCADE is not named. */
const dropsMore = (kind: string, node: { readonly [member: string]: unknown }): boolean =>
  kind === "DropOwnedStmt" ||
  (WHOLESALE.has(kind) &&
    (node["removeType"] === "OBJECT_SCHEMA" || node["behavior"] === "DROP_CASCADE"));
