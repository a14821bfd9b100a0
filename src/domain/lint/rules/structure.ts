import type { SchemaObject } from "../../schema/schema.ts";
import type { ForeignKeyFacts, LintedStatement, LintedStep } from "../facts.ts";
import { fold, same, type Found, type LintLimits, type LintRule } from "../rule.ts";
import { at, statementAbout, changedTables } from "../tables.ts";

export const unindexedForeignKey: LintRule = {
  id: "unindexed-foreign-key",
  severity: "warning",
  title: "A foreign key's columns have no index",
  check: (step) => {
    const known = new Set(step.before.keys.filter(({ indexed }) => !indexed).map(keyText));
    return step.after.keys
      .filter((key) => !key.indexed && !known.has(keyText(key)))
      .map(({ child, columns, parent }) => ({
        message: `No index of ${child} begins with ${columns.join(", ")}, which refers to ${parent}: every change of ${parent} reads all of ${child}`,
        hint: `CREATE INDEX ${child}_${columns.join("_")} ON ${child} (${columns.join(", ")});`,
        statement: at(statementAbout(step, child)),
      }));
  },
};

const keyText = ({ child, columns, parent }: ForeignKeyFacts): string =>
  fold(`${child}(${columns.join(",")})>${parent}`);

export const longLock: LintRule = {
  id: "long-lock",
  severity: "warning",
  title: "The step holds the database's lock for long",
  check: (step, limits) => [...measuredLock(step, limits), ...wholeTables(step, limits)],
};

function measuredLock({ durationMs }: LintedStep, { measured, lockMs }: LintLimits): Found[] {
  if (!measured || durationMs <= lockMs) return [];
  return [
    {
      message: `The step took ${Math.round(durationMs)} ms on a copy of the database: nobody else can write meanwhile`,
      hint: "Divide it into smaller steps, or run it in a maintenance window",
    },
  ];
}

/** What reads or writes every row of a table that was there before. */
function wholeTables(step: LintedStep, { measured, manyRows }: LintLimits): Found[] {
  const isLarge = (table: string): boolean =>
    measured
      ? (rowsOf(step, table) ?? 0) >= manyRows
      : step.before.objects.some(({ type, name }) => type === "table" && same(name, table));
  const size = (table: string): string =>
    measured ? `all ${rowsOf(step, table)} rows of ${table}` : `every row of ${table}`;
  const severity = measured ? {} : ({ severity: "info" } as const);
  const found = (table: string, what: string, statement: LintedStatement | undefined): Found => ({
    ...severity,
    message: `${what} ${size(table)} while the lock is held`,
    hint: "With many rows, run it in a maintenance window; lint --database measures it",
    statement: at(statement),
  });
  const rebuilt = changedTables(step).filter(
    (table) => table.rebuilt && isLarge(table.before.name),
  );
  return [
    ...rebuilt.map(({ before }) =>
      found(before.name, "The rebuild copies", statementAbout(step, before.name, "drop")),
    ),
    ...step.statements.flatMap((statement) => {
      const { word, allRows, target } = statement;
      const [updated] = statement.writes;
      if (word === "UPDATE" && allRows && updated !== undefined && isLarge(updated))
        return [found(updated, "The statement changes", statement)];
      if (target?.verb === "create" && target.type === "index" && isLarge(target.on ?? ""))
        return [found(target.on!, "The index is made of", statement)];
      return [];
    }),
  ];
}

const rowsOf = ({ before }: LintedStep, table: string): number | undefined =>
  Object.entries(before.rows).find(([name]) => same(name, table))?.[1];

export const nameStyle: LintRule = {
  id: "name-style",
  severity: "info",
  title: "A new name is not written as the others are to be",
  check: (step, { namePattern }) => {
    const pattern = new RegExp(`^(?:${namePattern})$`);
    const before = new Set(step.before.objects);
    const others = step.after.objects.filter((object) => !before.has(object));
    if (others.length === 0) return [];
    const known = new Set(namesOf(step.before.objects).map(({ key }) => key));
    return namesOf(others)
      .filter(({ key, name }) => !known.has(key) && !pattern.test(name))
      .map(({ name, what, table }) => ({
        message: `The name ${name} (${what}) is not written as ${namePattern}`,
        hint: "Names in lower case with underscores need no quotes anywhere",
        statement: at(statementAbout(step, table)),
      }));
  },
};

interface Named {
  readonly key: string;
  readonly name: string;
  readonly what: string;
  readonly table: string;
}

const namesOf = (objects: readonly SchemaObject[]): Named[] =>
  objects.flatMap(({ type, name, table, columns = [] }) => [
    { key: fold(`${type} ${name}`), name, what: `a ${type}`, table },
    ...(type === "table" ? columns : []).map((column) => ({
      key: fold(`column ${table}.${column.name}`),
      name: column.name,
      what: `a column of ${table}`,
      table,
    })),
  ]);
