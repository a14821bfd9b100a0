import type { Meta } from "../../../domain/engine/database-engine.ts";
import type { Client } from "../connection/open-client.ts";
import type { ScriptStatement } from "../sql/script.ts";
import { readCatalog, type Catalog, type CatalogTable } from "./catalog.ts";
import { batch, type Rows } from "./batch.ts";
import { appliedQuery, stepsIn } from "./markers.ts";
import { fenced, onlyRead, raiseFence } from "./meta.ts";
import { quoteText } from "./quote.ts";
import { countable, countTables, meant, WORK, workIn, type WorkOfTables } from "./rows.ts";
import type { OwnTables } from "./session.ts";
import { OWN_PATH, PLAIN_PATH } from "./transaction.ts";

/** All that a step needs to know of the database before its first statement. */
export interface KnownState {
  readonly meta: Meta;
  readonly applied: readonly string[];
  readonly catalog: Catalog;
  /** The definitions of the product's own tables. */
  readonly ownObjects: string;
}

/** The state, and what the transaction did before its first statement. */
export interface ReadState extends KnownState {
  readonly work: WorkOfTables;
}

/**
 * Claims the right to write and reads the state inside the step's transaction. `known`: the catalogue, if it is
 * proven to be what it was; `token` null: nobody else writes, and nothing is claimed. Throws `fenced`.
 */
export async function readState(
  client: Client,
  own: OwnTables,
  token: number | null,
  known?: Catalog,
): Promise<ReadState> {
  const [, found, , applied, objects, work] = await batch(client, [
    PLAIN_PATH,
    ...(token === null ? onlyRead(own) : raiseFence(own, token)),
    appliedQuery(own),
    ownQuery(own),
    WORK,
    ...(known === undefined ? [] : [OWN_PATH]),
  ]);
  const meta = fenced(found!, token);
  const catalog = known ?? (await readCatalog(client, own.schema));
  if (known === undefined) await client.query(OWN_PATH);
  return {
    meta,
    applied: stepsIn(applied!),
    catalog,
    ownObjects: ownIn(objects!),
    work: workIn(work!),
  };
}

/** The definitions of the own tables as one value: a step must leave it alone. */
export const ownQuery = ({ meta, marker }: OwnTables): string =>
  `SELECT coalesce(json_agg(json_build_array(c.oid, c.relfilenode, c.relhastriggers, c.relhasrules,
  (SELECT json_agg(json_build_array(a.attname, a.atttypid, a.attisdropped) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)
  ) ORDER BY c.relname)::text, '') AS own FROM pg_class c WHERE c.oid IN (to_regclass(${quoteText(meta)}), to_regclass(${quoteText(marker)}))`;

/** What it answers. */
export const ownIn = (rows: Rows): string => String(rows[0]!["own"]);

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
  state: ReadState,
  parts: readonly ScriptStatement[],
): Promise<Baseline> {
  const rows = await countTables(client, tablesToCount(state.catalog, parts));
  return { state, rows, work: state.work };
}

/** Kinds that take rows without deleting them one by one. */
const WHOLESALE: ReadonlySet<string> = new Set(["DropStmt", "TruncateStmt", "DropOwnedStmt"]);

const RENAMES: ReadonlySet<string> = new Set(["RenameStmt", "AlterObjectSchemaStmt"]);

function tablesToCount(catalog: Catalog, parts: readonly ScriptStatement[]): CatalogTable[] {
  const all = [...catalog.tables.values()];
  const isOpen = parts.some(({ about, kind, node }) => about.opaque || dropsMore(kind, node));
  const wholesale = parts.filter(({ kind }) => WHOLESALE.has(kind));
  // The name that is dropped may be one that the script itself gave.
  const renames = parts.filter(({ kind }) => RENAMES.has(kind));
  const named = meant(
    catalog,
    wholesale.length === 0 ? [] : [...wholesale, ...renames].flatMap(({ about }) => about.mentions),
  );
  return isOpen ? [...new Set([...named, ...countable(all)])] : named;
}

/** What goes with a schema, an owner or by CASCADE is not named. */
const dropsMore = (kind: string, node: { readonly [member: string]: unknown }): boolean =>
  kind === "DropOwnedStmt" ||
  (WHOLESALE.has(kind) &&
    (node["removeType"] === "OBJECT_SCHEMA" || node["behavior"] === "DROP_CASCADE"));
