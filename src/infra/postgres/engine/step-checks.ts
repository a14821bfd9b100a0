import type { Allowances } from "../../../domain/database/events.ts";
import type { Direction, Finding, RowChange } from "../../../domain/migration/events.ts";
import type { Client } from "../connection/open-client.ts";
import type { Catalog, CatalogTable } from "./catalog.ts";
import { countTables, isDeclared, type Work, type WorkOfTables } from "./rows.ts";
import type { Baseline } from "./step-state.ts";

/** What is compared after the last statement, still inside the transaction. */
export interface StepOutcome {
  readonly before: Baseline;
  readonly after: Catalog;
  readonly ownObjects: string;
  /** Since the baseline. */
  readonly work: WorkOfTables;
  readonly ownOids: ReadonlySet<number>;
  readonly allow: Allowances;
  readonly direction: Direction;
  readonly expectedAfter: string | null;
}

/** Everything that is wrong with what the step did, and how many rows its tables have now. */
export interface Checked {
  /** `error` findings must undo the step. */
  readonly findings: readonly Finding[];
  readonly rows: readonly RowChange[];
}

/** Checks a step. Inside its transaction; the search path must be `pg_catalog`. */
export async function checkStep(client: Client, outcome: StepOutcome): Promise<Checked> {
  const fates = await fatesOf(client, outcome);
  return {
    findings: [
      ...ownTables(outcome),
      ...rowConservation(fates, outcome.allow),
      ...newlyInvalid(outcome),
      ...schemaAsExpected(outcome),
    ],
    rows: fates
      .filter(({ before, after }) => before !== after)
      .map(({ name, before, after }) => ({ table: name, before, after })),
  };
}

function ownTables({ before, ownObjects, work, ownOids }: StepOutcome): Finding[] {
  const touched = [...ownOids].some((oid) => {
    const { inserted = 0, updated = 0, deleted = 0 } = work.get(oid) ?? {};
    return inserted + updated + deleted > 0;
  });
  if (!touched && ownObjects === before.state.ownObjects) return [];
  return [
    {
      severity: "error",
      code: "tampering",
      message: "The step changed the tables schemaledger_meta or schemaledger_marker",
      hint: "They are the database's own record of its steps and belong to no migration",
    },
  ];
}

/** What became of the rows of one table. */
interface Fate {
  readonly name: string;
  readonly table: CatalogTable;
  /** Null: it was not there. */
  readonly before: number | null;
  readonly after: number | null;
  /** The number before is an estimate of the server. */
  readonly estimated: boolean;
}

/** Only tables whose rows can be others than before. */
async function fatesOf(client: Client, outcome: StepOutcome): Promise<Fate[]> {
  const { before, after, work } = outcome;
  const was = before.state.catalog.tables;
  const present = [...after.tables.values()].filter((table) => isOther(table, outcome));
  const counts = await countTables(client, present);
  const gone = [...was.values()].filter(({ oid }) => !after.tables.has(oid));
  const names = new Map([...after.tables.values()].map((table) => [table.name, table]));
  const fates = present.map((table): Fate => {
    const count = counts.get(table.oid)!;
    const old = was.get(table.oid);
    const first = old ?? gone.find(({ name }) => name === table.name);
    const exact =
      first === undefined ? null : beforeOf(first, before, table, work.get(table.oid), count);
    const known = exact ?? (first === undefined ? null : Math.max(first.estimate, 0));
    return {
      name: table.name,
      table: first ?? table,
      before: known,
      after: count,
      estimated: first !== undefined && exact === null,
    };
  });
  const lost = gone
    .filter(({ name }) => !names.has(name))
    .map((table): Fate => {
      const exact = before.rows.get(table.oid);
      const count = exact ?? Math.max(table.estimate, 0);
      return {
        name: table.name,
        table,
        before: count,
        after: null,
        estimated: exact === undefined,
      };
    });
  return [...fates, ...lost];
}

/** Made, rewritten, truncated, or written to. */
function isOther(table: CatalogTable, { before, work }: StepOutcome): boolean {
  const was = before.state.catalog.tables.get(table.oid);
  if (was === undefined || was.node !== table.node) return true;
  const { inserted = 0, deleted = 0 } = work.get(table.oid) ?? {};
  return inserted + deleted > 0;
}

/** How many rows there were, as far as it is known exactly. */
function beforeOf(
  was: CatalogTable,
  { rows }: Baseline,
  now: CatalogTable,
  work: Work | undefined,
  count: number,
): number | null {
  const counted = rows.get(was.oid);
  // What the transaction itself did is exact while others go on writing; a count is not.
  if (was.node !== now.node || was.oid !== now.oid) return counted ?? null;
  return count - (work?.inserted ?? 0) + (work?.deleted ?? 0);
}

function rowConservation(fates: readonly Fate[], { rowLoss = [] }: Allowances): Finding[] {
  const lost = fates.filter(
    ({ before, after, table, estimated }) =>
      before !== null &&
      after !== null &&
      (estimated ? after === 0 && before > 0 : after < before) &&
      !isMoved(fates, table) &&
      !isDeclared(rowLoss, table),
  );
  const names = [...rowLoss, ...lost.map(({ name }) => name)];
  const hint = `If that is meant, declare it: allow: {rowLoss: ${JSON.stringify(names)}}`;
  return [
    ...lost.map(({ name, before, after, estimated }): Finding => {
      const about = estimated ? "about " : "";
      return {
        severity: "error",
        code: "rows-lost",
        table: name,
        message: `${name} had ${about}${before} rows and has ${after} after the step`,
        hint,
      };
    }),
    ...fates
      .filter(({ before, after }) => after === null && before !== null && before > 0)
      .map(({ name, before, estimated }): Finding => {
        const many = `${estimated ? "about " : ""}${before} ${before === 1 ? "row" : "rows"}`;
        return {
          severity: "warning",
          code: "table-dropped",
          table: name,
          message: `${name} was dropped with ${many}`,
        };
      }),
  ];
}

/** What an UPDATE takes from one partition it puts into another of the same table. */
function isMoved(fates: readonly Fate[], { partitionOf }: CatalogTable): boolean {
  if (partitionOf === null) return false;
  const parts = fates.filter(({ table }) => table.partitionOf === partitionOf);
  return parts.reduce((sum, { before, after }) => sum + (after ?? 0) - (before ?? 0), 0) >= 0;
}

/** Indexes that enforce nothing and constraints whose rows nobody has looked at. */
const newlyInvalid = ({ before, after }: StepOutcome): Finding[] =>
  [...after.invalid]
    .filter((name) => !before.state.catalog.invalid.has(name))
    .map((name) => ({
      severity: "warning",
      code: "not-validated",
      message: `The ${name} is not valid: it was never checked against the rows that were there`,
      hint: "ALTER TABLE … VALIDATE CONSTRAINT in a later migration; an invalid index is dropped and built again",
    }));

function schemaAsExpected({ after, expectedAfter, direction }: StepOutcome): Finding[] {
  if (expectedAfter === null || after.fingerprint === expectedAfter) return [];
  const message = `The step leads to schema ${after.fingerprint} instead of ${expectedAfter}`;
  return [{ severity: "error", code: "fingerprint-differs", message, hint: DIFFERS[direction] }];
}

const DIFFERS: { readonly [direction in Direction]: string } = {
  up: "Rehearse again: the database or the script is not what it was",
  down: "The down script does not bring back the schema that was there before the migration: roll back by restoring a backup (strategy: restore), or undo the change by a new migration",
};
