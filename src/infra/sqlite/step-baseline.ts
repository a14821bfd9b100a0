import type { CatalogEntry } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { readViolations, type ViolationBaseline } from "./foreign-keys.ts";
import { readParentKeys, type ParentKeys } from "./parent-keys.ts";
import { quoteName } from "./quote.ts";
import { firstWord, foldName } from "./sql/tokens.ts";
import { namesIn, reachOf } from "./reach.ts";
import { keepKeys, type ReplaceableRows } from "./replaced-rows.ts";
import type { KnownState } from "./step-state.ts";
import type { ScriptAnalysis } from "../../domain/engine/dialect.ts";

/** NULLs in the foreign key columns of one table, by column. */
export type NullCounts = ReadonlyMap<string, { readonly [column: string]: number }>;

/** What was there before the step's first statement. */
export interface Baseline {
  readonly state: KnownState;
  /** Every name (folded) that the script mentions. */
  readonly names: () => ReadonlySet<string>;
  /** Tables (folded) that the script can touch. */
  readonly reached: () => ReadonlySet<string>;
  readonly violations: ViolationBaseline;
  readonly nulls: NullCounts;
  readonly parentKeys: ParentKeys;
  readonly replaceable: ReplaceableRows;
}

/** Takes all that the checks after the step compare with. Inside the transaction. */
export function takeBaseline(db: Connection, state: KnownState, script: ScriptAnalysis): Baseline {
  const names = once(() => namesOf(script, state));
  const reached = once(() => reachOf(state.catalog, names()));
  return {
    state,
    names,
    reached,
    ...(state.foreignKeys.length === 0 ? NO_KEYS : readKeys(db, state, script, names(), reached())),
    replaceable: keepKeys(db, state, script, reached),
  };
}

type Keys = Pick<Baseline, "violations" | "nulls" | "parentKeys">;

const NO_KEYS: Keys = { violations: new Map(), nulls: new Map(), parentKeys: [] };

const readKeys = (
  db: Connection,
  state: KnownState,
  script: ScriptAnalysis,
  names: ReadonlySet<string>,
  reached: ReadonlySet<string>,
): Keys => ({
  // Also the children of parents that are not there yet.
  violations: readViolations(db, state, new Set([...reached, ...names])),
  nulls: countNulls(db, state, script.open === true ? reached : notWritten(script, reached)),
  parentKeys: readParentKeys(db, state, script.open === true ? [...reached] : script.destroys),
});

/** Worked out when it is asked for the first time. */
function once<T>(work: () => T): () => T {
  let result: { readonly value: T } | undefined;
  return () => (result ??= { value: work() }).value;
}

/** Every name that a script mentions (folded); of one that is not known yet, all that there are. */
const namesOf = (script: ScriptAnalysis, { catalog }: KnownState): ReadonlySet<string> =>
  script.open === true
    ? new Set(catalog.tables.keys())
    : namesIn(script.statements.map(({ sql }) => sql).join(";\n"));

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
