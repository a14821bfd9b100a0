import type { SchemaColumn, SchemaObject } from "../schema/schema.ts";
import type { LintedStatement, LintedStep } from "./facts.ts";
import { same } from "./rule.ts";

/** A table that was there before the step and still is, maybe under another name. */
export interface Survivor {
  readonly before: SchemaObject;
  readonly after: SchemaObject;
  /** It was dropped, and another one put in its place. */
  readonly rebuilt: boolean;
}

export const tablesOf = (objects: readonly SchemaObject[]): SchemaObject[] =>
  objects.filter(({ type }) => type === "table");

/** The name that a table of before has after the step. */
const nameAfter = ({ renames }: LintedStep, name: string): string =>
  renames.tables.find(({ from }) => same(from, name))?.to ?? name;

export function survivors(step: LintedStep): Survivor[] {
  const after = tablesOf(step.after.objects);
  return tablesOf(step.before.objects).flatMap((before) => {
    const now = after.find(({ name }) => same(name, nameAfter(step, before.name)));
    if (now === undefined) return [];
    const rebuilt = step.dropped.some((name) => same(name, before.name));
    return [{ before, after: now, rebuilt }];
  });
}

/** Tables of before that are there under no name. */
export function lostTables(step: LintedStep): SchemaObject[] {
  const kept = new Set(survivors(step).map(({ before }) => before.name));
  return tablesOf(step.before.objects).filter(({ name }) => !kept.has(name));
}

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
