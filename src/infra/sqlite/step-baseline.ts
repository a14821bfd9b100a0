import type { TableRows } from "../../domain/migration/events.ts";
import { readCatalog, type Catalog, type CatalogEntry } from "./catalog.ts";
import { pragmaNumber, type Connection } from "./connection.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { readViolations, type ViolationBaseline, type Violations } from "./foreign-keys.ts";
import { markerSummary } from "./markers.ts";
import { ownObjects } from "./meta.ts";
import { readParentKeys, type ParentKeys } from "./parent-keys.ts";
import { quoteName } from "./quote.ts";
import { firstWord, foldName } from "./sql/tokens.ts";
import { foreignKeys, namesIn, reachOf, type ForeignKey } from "./reach.ts";
import { keepKeys, type ReplaceableRows } from "./replaced-rows.ts";
import { countRows } from "./rows.ts";
import type { ScriptAnalysis } from "../../domain/engine/dialect.ts";

/** Schema and counts of a connection, valid while nobody else has committed. */
export interface KnownState {
  readonly dataVersion: number;
  /** Counted up by SQLite with every change of the schema. */
  readonly schemaVersion: number;
  readonly catalog: Catalog;
  readonly fingerprint: string;
  readonly rows: TableRows;
  readonly foreignKeys: readonly ForeignKey[];
  /** The definitions of the product's own tables. */
  readonly ownObjects: string;
  /** Foreign key violations of the child tables that were looked at in this state. */
  readonly violations: Map<string, Violations>;
}

/** NULLs in the foreign key columns of one table, by column. */
export type NullCounts = ReadonlyMap<string, { readonly [column: string]: number }>;

/** What was there before the step's first statement. */
export interface Baseline {
  readonly state: KnownState;
  /** Tables (folded) that the script can touch. */
  readonly reached: ReadonlySet<string>;
  readonly violations: ViolationBaseline;
  readonly nulls: NullCounts;
  readonly parentKeys: ParentKeys;
  readonly replaceable: ReplaceableRows;
  readonly markers: string;
}

/** Reads the state, or takes what is known if no other connection committed since. */
export function knownState(db: Connection, known: KnownState | undefined): KnownState {
  const dataVersion = pragmaNumber(db, "data_version");
  if (known?.dataVersion === dataVersion) return known;
  return readState(db, dataVersion);
}

/**
 * Reads the state afresh, but the schema only if it has another version than `before`. Counts every
 * table, whatever the statements were.
 */
export function readState(db: Connection, dataVersion: number, before?: KnownState): KnownState {
  const schemaVersion = pragmaNumber(db, "schema_version");
  const same = before?.schemaVersion === schemaVersion ? before : undefined;
  const catalog = same?.catalog ?? readCatalog(db, before?.catalog);
  return {
    dataVersion,
    schemaVersion,
    catalog,
    fingerprint: same?.fingerprint ?? fingerprintOf(catalog),
    rows: countRows(db, catalog),
    foreignKeys: same?.foreignKeys ?? foreignKeys(db, catalog),
    ownObjects: same?.ownObjects ?? ownObjects(db),
    violations: new Map(),
  };
}

/** Takes all that the checks after the step compare with. Inside the transaction. */
export function takeBaseline(db: Connection, state: KnownState, script: ScriptAnalysis): Baseline {
  const names = scriptNames(script);
  const reached = reachOf(state.catalog, names);
  return {
    state,
    reached,
    // Also the children of parents that are not there yet.
    violations: readViolations(db, state, new Set([...reached, ...names])),
    nulls: countNulls(db, state, notWritten(script, reached)),
    parentKeys: readParentKeys(db, state, script.destroys),
    replaceable: keepKeys(db, state, script, reached),
    markers: markerSummary(db),
  };
}

/** Every name that a script mentions (folded). */
export const scriptNames = (script: ScriptAnalysis): ReadonlySet<string> =>
  namesIn(script.statements.map(({ sql }) => sql).join(";\n"));

const WRITES: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"]);

/** Tables that only triggers can write: the script's own INSERT, UPDATE, DELETE do not name them. */
export function notWritten(
  script: ScriptAnalysis,
  reached: ReadonlySet<string>,
): ReadonlySet<string> {
  const written = script.statements.filter(({ sql }) => WRITES.has(firstWord(sql)));
  const named = namesIn(written.map(({ sql }) => sql).join(";\n"));
  return new Set([...reached].filter((table) => !named.has(table)));
}

/** Counts NULLs of the foreign key columns of `tables`: a row count alone misses a SET NULL. */
export function countNulls(
  db: Connection,
  state: Pick<KnownState, "catalog" | "foreignKeys">,
  tables: ReadonlySet<string>,
): NullCounts {
  const columns = new Map<CatalogEntry, Set<string>>();
  for (const key of state.foreignKeys) {
    const table = state.catalog.tables.get(foldName(key.child));
    if (table === undefined || !tables.has(foldName(key.child))) continue;
    const own = columns.get(table) ?? new Set();
    for (const column of key.columns) own.add(column);
    columns.set(table, own);
  }
  return new Map(
    [...columns].map(([table, names]) => [foldName(table.name), nullsOf(db, table, names)]),
  );
}

function nullsOf(
  db: Connection,
  table: CatalogEntry,
  columns: ReadonlySet<string>,
): { readonly [column: string]: number } {
  const names = [...columns];
  const terms = names.map((name) => `count(*) - count(${quoteName(name)})`);
  const counts = db
    .prepare<[], number[]>(`SELECT ${terms.join(", ")} FROM main.${quoteName(table.name)}`)
    .raw()
    .get();
  return Object.fromEntries(names.map((name, at) => [name, counts?.[at] ?? 0]));
}
