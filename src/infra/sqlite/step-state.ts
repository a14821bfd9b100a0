import type { Meta, StepRequest } from "../../domain/engine/database-engine.ts";
import type { TableRows } from "../../domain/migration/events.ts";
import { followCatalog, type Catalog } from "./catalog.ts";
import { pragmaNumber, type Connection } from "./connection.ts";
import { fingerprintIn } from "./fingerprint.ts";
import type { Violations } from "./foreign-keys.ts";
import { appliedAfter, appliedVersions } from "./markers.ts";
import { ownObjects, requireMeta } from "./meta.ts";
import { foreignKeys, type ForeignKey } from "./reach.ts";
import { countRows } from "./rows.ts";
import { readSchemaRows, type SchemaRows } from "./schema-rows.ts";
import { foldName } from "./sql/tokens.ts";
import type { StepWork } from "./step-work.ts";

/**
 * All that steps need to know of a database at one moment. It can be carried from one step to the
 * next on the same connection: while `data_version` is the same, nobody else has committed, and what
 * a script of our own changes is followed.
 */
export interface KnownState {
  readonly dataVersion: number;
  readonly schema: SchemaRows;
  readonly catalog: Catalog;
  readonly fingerprint: string;
  readonly rows: TableRows;
  readonly foreignKeys: readonly ForeignKey[];
  /** The definitions of the product's own tables. */
  readonly ownObjects: string;
  /** What the own tables say. */
  readonly meta: Meta;
  readonly applied: readonly string[];
  /** Dropping a tree can move another one to its page (auto_vacuum). */
  readonly treesMove: boolean;
  /** Foreign key violations of the child tables that were looked at in this state. */
  readonly violations: Map<string, Violations>;
}

/** Reads the state, or takes what is known if no other connection committed since. */
export function knownState(db: Connection, known: KnownState | undefined): KnownState {
  const dataVersion = pragmaNumber(db, "data_version");
  return known?.dataVersion === dataVersion ? known : readState(db, dataVersion);
}

/** Reads everything afresh. */
export function readState(db: Connection, dataVersion: number): KnownState {
  const meta = requireMeta(db);
  const schema = readSchemaRows(db);
  const catalog = followCatalog(db, schema.rows);
  return {
    dataVersion,
    schema,
    catalog,
    fingerprint: fingerprintIn(schema.shape, catalog),
    rows: countRows(db, catalog),
    foreignKeys: foreignKeys(db, catalog),
    ownObjects: ownObjects(schema),
    meta,
    applied: appliedVersions(db),
    treesMove: pragmaNumber(db, "auto_vacuum") !== 0,
    violations: new Map(),
  };
}

/**
 * The state after a script that did `work` on `before`, still inside its transaction, with the
 * schema it led to. What the script cannot have changed is taken over, everything else is read.
 */
export function stateAfter(
  db: Connection,
  before: KnownState,
  schema: SchemaRows,
  work: StepWork,
): KnownState {
  if (schema === before.schema)
    return { ...before, ...contentAfter(db, before, before.catalog, work) };
  const catalog = followCatalog(db, schema.rows, before.catalog);
  return {
    ...before,
    schema,
    catalog,
    fingerprint: fingerprintIn(schema.shape, catalog),
    foreignKeys: foreignKeys(db, catalog),
    ownObjects: ownObjects(schema),
    ...contentAfter(db, before, catalog, work),
  };
}

/** The state after the marker of a step that led to `after`. */
export const withMarker = (
  after: KnownState,
  step: Pick<StepRequest, "version" | "direction" | "token">,
): KnownState => ({
  ...after,
  meta: { ...after.meta, fence: step.token },
  applied: appliedAfter(after.applied, step),
});

type Content = Pick<KnownState, "rows" | "violations">;

function contentAfter(
  db: Connection,
  before: KnownState,
  catalog: Catalog,
  work: StepWork,
): Content {
  if (!work.isKnown) return { rows: countRows(db, catalog), violations: new Map() };
  const isAsBefore = (name: string): boolean => {
    const table = catalog.tables.get(name);
    const was = before.catalog.tables.get(name);
    if (table === undefined || was === undefined) return table === was;
    // The rows of a virtual table can be another table's.
    if (table.kind === "virtual") return false;
    return table.rootPage === was.rootPage && !work.wrote(table.rootPage);
  };
  const sameSchema = catalog === before.catalog;
  const violations = [...before.violations].filter(
    ([child]) =>
      sameSchema && isAsBefore(child) && parentsOf(before.foreignKeys, child).every(isAsBefore),
  );
  return {
    rows: countRows(db, catalog, { rows: before.rows, isAsBefore }),
    violations: new Map(violations),
  };
}

const parentsOf = (keys: readonly ForeignKey[], child: string): string[] =>
  keys.filter((key) => foldName(key.child) === child).map(({ parent }) => foldName(parent));

/** Tables (folded) that a script which did `work` made, changed or removed, or whose rows it wrote. */
export function changedTables(before: KnownState, after: KnownState, work: StepWork): string[] {
  const was = before.catalog.tables;
  const is = after.catalog.tables;
  const names = new Set([...was.keys(), ...is.keys()]);
  if (!work.isKnown) return [...names];
  return [...names].filter((name) => {
    const table = is.get(name);
    return table === undefined || table !== was.get(name) || work.wrote(table.rootPage);
  });
}
