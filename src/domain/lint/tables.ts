import type { SchemaColumn, SchemaObject } from "../schema/schema.ts";
import type { LintedStatement, LintedStep } from "./facts.ts";
import { fold, same } from "./rule.ts";

/** A table that was there before the step and still is, maybe under another name. */
export interface Survivor {
  readonly before: SchemaObject;
  readonly after: SchemaObject;
  /** It was dropped, and another one put in its place. */
  readonly rebuilt: boolean;
}

interface Tables {
  readonly survivors: readonly Survivor[];
  readonly lost: readonly SchemaObject[];
}

const known = new WeakMap<LintedStep, Tables>();

/** Survivors that are not exactly as they were. */
export const changedTables = (step: LintedStep): readonly Survivor[] => tables(step).survivors;

/** Tables of before that are there under no name. */
export const lostTables = (step: LintedStep): readonly SchemaObject[] => tables(step).lost;

function tables(step: LintedStep): Tables {
  const found = known.get(step) ?? compared(step);
  known.set(step, found);
  return found;
}

function compared({ before, after, renames, dropped }: LintedStep): Tables {
  const now = new Map(tablesOf(after.objects).map((table) => [fold(table.name), table]));
  const names = new Map(renames.tables.map(({ from, to }) => [fold(from), fold(to)]));
  const gone = new Set(dropped.map(fold));
  const survivors: Survivor[] = [];
  const lost: SchemaObject[] = [];
  for (const table of tablesOf(before.objects)) {
    const name = fold(table.name);
    const present = now.get(names.get(name) ?? name);
    if (present === undefined) lost.push(table);
    else if (present !== table)
      survivors.push({ before: table, after: present, rebuilt: gone.has(name) });
  }
  return { survivors, lost };
}

const tablesOf = (objects: readonly SchemaObject[]): SchemaObject[] =>
  objects.filter(({ type }) => type === "table");

/** The name that a column of before has after the step. */
export const columnAfter = ({ renames }: LintedStep, { after }: Survivor, column: string): string =>
  renames.columns.find(({ table, from }) => same(table, after.name) && same(from, column))?.to ??
  column;

export const columnNamed = (
  { columns = [] }: SchemaObject,
  name: string,
): SchemaColumn | undefined => columns.find((column) => same(column.name, name));

/** The last statement that is about a table, for placing a finding. */
export function statementAbout(
  { statements }: LintedStep,
  name: string,
  verb?: "create" | "alter" | "drop",
): LintedStatement | undefined {
  const isAbout = ({ target }: LintedStatement): boolean =>
    target?.type === "table" &&
    same(target.name, name) &&
    (verb === undefined || target.verb === verb);
  return statements.findLast(isAbout);
}

export const at = (statement: LintedStatement | undefined): number | undefined => statement?.number;
