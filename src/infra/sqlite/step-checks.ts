import type { Allowances } from "../../domain/database/events.ts";
import type { Direction, Finding, TableRows } from "../../domain/migration/events.ts";
import type { Connection } from "./connection.ts";
import { newViolations, readViolations } from "./foreign-keys.ts";
import { changedKeys } from "./parent-keys.ts";
import { foldName } from "./sql/tokens.ts";
import { reachOf } from "./reach.ts";
import type { ScriptAnalysis } from "../../domain/engine/dialect.ts";
import { countNulls, notWritten, type Baseline } from "./step-baseline.ts";
import type { KnownState } from "./step-state.ts";
import type { StepWork } from "./step-work.ts";
import { replacedRows, rewrittenBy } from "./replaced-rows.ts";
import { survivor, type TableMoves } from "./table-moves.ts";

/** What is compared after the last statement, still inside the transaction. */
export interface StepOutcome {
  readonly before: Baseline;
  readonly after: KnownState;
  readonly script: ScriptAnalysis;
  readonly moves: TableMoves;
  readonly work: StepWork;
  readonly allow: Allowances;
  readonly direction: Direction;
  readonly expectedAfter: string | null;
}

/** Everything that is wrong with what the step did; `error` findings must undo it. */
export function checkStep(db: Connection, outcome: StepOutcome): Finding[] {
  return [
    ...ownTables(outcome),
    ...rowConservation(outcome),
    ...replacements(db, outcome),
    ...nulledReferences(db, outcome),
    ...violations(db, outcome),
    ...movedReferences(db, outcome),
    ...schemaAsExpected(outcome),
  ];
}

function ownTables({ before, after, work }: StepOutcome): Finding[] {
  if (after.ownObjects === before.state.ownObjects && work.ownTablesUntouched) return [];
  return [
    {
      severity: "error",
      code: "tampering",
      message: "The step changed the tables schemaledger_meta or schemaledger_marker",
      hint: "They are the database's own record of its steps and belong to no migration",
    },
  ];
}

function rowConservation({ before, after, moves, allow }: StepOutcome): Finding[] {
  if (after.rows === before.state.rows) return [];
  const allowed = new Set((allow.rowLoss ?? []).map(foldName));
  const rows = byFoldedName(after.rows);
  const dropped: Finding[] = [];
  const lost: Loss[] = [];
  for (const [table, count] of Object.entries(before.state.rows)) {
    const name = foldName(table);
    const current = survivor(name, moves, after.catalog);
    if (current === undefined && count > 0) dropped.push(droppedFinding(table, count));
    if (current === undefined) continue;
    const left = rows.get(current);
    if (left === undefined || left >= count) continue;
    if (!allowed.has(name) && !allowed.has(current)) lost.push({ table, before: count, left });
  }
  return [...lostFindings(lost, allow.rowLoss ?? []), ...dropped];
}

/** Rows that REPLACE deleted under another key than the one it wrote: the count may be the same. */
function replacements(db: Connection, { before, allow, script }: StepOutcome): Finding[] {
  const allowed = new Set((allow.rowLoss ?? []).map(foldName));
  const rewritten = script.open === true ? rewrittenBy(script) : NONE;
  return [...replacedRows(db, before.replaceable)].flatMap(([name, count]): Finding[] => {
    if (count === 0 || allowed.has(name) || rewritten.has(name)) return [];
    const table = before.state.catalog.tables.get(name)?.name ?? name;
    return [
      {
        severity: "error",
        code: "rows-lost",
        table,
        message: `${count} ${count === 1 ? "row" : "rows"} of ${table} went because REPLACE wrote one of their unique values under another key`,
        hint: `Use INSERT … ON CONFLICT … DO UPDATE, which keeps the row; if the loss is meant, declare it: allow: {rowLoss: ${JSON.stringify([...(allow.rowLoss ?? []), table])}}`,
      },
    ];
  });
}

const NONE: ReadonlySet<string> = new Set();

interface Loss {
  readonly table: string;
  readonly before: number;
  readonly left: number;
}

/** Each hint has the whole declaration, so that it has to be made only once. */
function lostFindings(lost: readonly Loss[], allowed: readonly string[]): Finding[] {
  const names = [...allowed, ...lost.map(({ table }) => table)];
  const hint = `If that is meant, declare it: allow: {rowLoss: ${JSON.stringify(names)}}`;
  return lost.map(({ table, before, left }) => ({
    severity: "error",
    code: "rows-lost",
    table,
    message: `${table} had ${before} rows and has ${left} after the step`,
    hint,
  }));
}

const droppedFinding = (table: string, rows: number): Finding => ({
  severity: "warning",
  code: "table-dropped",
  table,
  message: `${table} was dropped with ${rows} ${rows === 1 ? "row" : "rows"}`,
});

function nulledReferences(
  db: Connection,
  { before, after, script, moves: { renamed } }: StepOutcome,
): Finding[] {
  if (before.nulls.size === 0) return [];
  const now = (table: string): string => renamed.get(table) ?? table;
  const tables = new Set([...before.nulls.keys()].map(now));
  const counts = countNulls(db, after, tables);
  const onlyTriggers = notWritten(script, before.reached());
  return [...before.nulls].flatMap(([table, columns]) =>
    Object.entries(columns).flatMap(([column, nulls]): Finding[] => {
      const left = counts.get(now(table))?.[column] ?? nulls;
      if (left <= nulls || !onlyTriggers.has(table)) return [];
      const name = after.catalog.tables.get(now(table))?.name ?? table;
      return [nulledFinding(name, column, left - nulls)];
    }),
  );
}

const nulledFinding = (table: string, column: string, count: number): Finding => ({
  severity: "error",
  code: "references-nulled",
  table,
  message: `${count} ${count === 1 ? "reference" : "references"} in ${table}.${column} became NULL although no statement of the step writes to ${table}`,
  hint: "A trigger did it. Drop the trigger before the change and create it again, or update the table in the step itself",
});

function violations(db: Connection, { before, after, moves, script }: StepOutcome): Finding[] {
  if (after.foreignKeys.length === 0) return [];
  // Tables that the step created or renamed are reached under their new names.
  const names = script.open === true ? new Set(after.catalog.tables.keys()) : before.names();
  const reached = new Set([...before.reached(), ...reachOf(after.catalog, names)]);
  return newViolations(before.violations, readViolations(db, after, reached), moves.renamed);
}

const movedReferences = (db: Connection, { before, after, moves }: StepOutcome): Finding[] =>
  changedKeys(db, before.parentKeys, after.catalog, (table) =>
    survivor(table, moves, after.catalog),
  );

function schemaAsExpected({ after, expectedAfter, direction }: StepOutcome): Finding[] {
  if (expectedAfter === null || after.fingerprint === expectedAfter) return [];
  const message = `The step leads to schema ${after.fingerprint} instead of ${expectedAfter}`;
  return [{ severity: "error", code: "fingerprint-differs", message, hint: DIFFERS[direction] }];
}

const DIFFERS: { readonly [direction in Direction]: string } = {
  up: "Rehearse again: the database or the script is not what it was",
  down: "The down script does not bring back the schema that was there before the migration: roll back by restoring a backup (strategy: restore), or undo the change by a new migration",
};

const byFoldedName = (rows: TableRows): ReadonlyMap<string, number> =>
  new Map(Object.entries(rows).map(([table, count]) => [foldName(table), count]));
