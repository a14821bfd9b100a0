import type { SchemaColumn } from "../../schema/schema.ts";
import type { LintedStep } from "../facts.ts";
import { fold, type Found, type LintRule } from "../rule.ts";
import {
  at,
  columnAfter,
  columnNamed,
  statementAbout,
  changedTables,
  type Survivor,
} from "../tables.ts";

export const notNullWithoutDefault: LintRule = {
  id: "not-null-without-default",
  severity: "warning",
  title: "A column becomes NOT NULL in a table that may have rows, and has no default",
  check: (step) => changedTables(step).flatMap((table) => strictColumns(step, table)),
};

function strictColumns(step: LintedStep, table: Survivor): Found[] {
  const was = new Map(
    (table.before.columns ?? []).map((column) => [
      fold(columnAfter(step, table, column.name)),
      column,
    ]),
  );
  const place = at(
    statementAbout(step, table.after.name) ?? statementAbout(step, table.before.name),
  );
  return (table.after.columns ?? []).filter(isStrict).flatMap((column): Found[] => {
    const before = was.get(fold(column.name));
    if (before?.notNull === true) return [];
    if (before !== undefined)
      return [
        {
          message: `${table.after.name}.${column.name} becomes NOT NULL: the step fails as soon as a row has no value there`,
          hint: "Fill the empty values in the same step, before it",
          statement: place,
        },
      ];
    if (table.rebuilt) return [];
    return [
      {
        message: `${table.after.name}.${column.name} is added NOT NULL without a default: the step fails as soon as the table has a row`,
        hint: "Give it a default, or add it without NOT NULL, fill it, and make it NOT NULL then",
        statement: place,
      },
    ];
  });
}

const isStrict = ({ notNull, default: value, generated, primaryKey }: SchemaColumn): boolean =>
  notNull && value === null && generated === undefined && primaryKey === 0;

export const nonDeterministicDefault: LintRule = {
  id: "non-deterministic-default",
  severity: "info",
  title: "A default is another value each time",
  check: (step) => {
    const known = step.before.changingDefaults;
    return Object.entries(step.after.changingDefaults)
      .filter(([column]) => known[column] === undefined)
      .map(([column, words]) => ({
        message: `The default of ${column} (${words.join(", ")}) is another value each time: a rehearsal, a roll back and another copy of the database do not get the same rows`,
        hint: "Let the application give the value where rows must be the same everywhere",
        statement: at(statementAbout(step, column.split(".")[0]!)),
      }));
  },
};

export const nonDeterministicRows: LintRule = {
  id: "non-deterministic-rows",
  severity: "info",
  title: "Rows are written with values that are others each time",
  check: ({ statements }) =>
    statements
      .filter(({ changing, writes }) => changing.length > 0 && writes.length > 0)
      .map(({ changing, number }) => ({
        message: `What the statement writes depends on ${changing.join(", ")}: it is not what was rehearsed`,
        hint: "Write fixed values where rows must be the same everywhere",
        statement: number,
      })),
};

export const doubleQuotedString: LintRule = {
  id: "double-quoted-string",
  severity: "error",
  title: "A string is written in double quotes, which are for names",
  check: (step) => {
    const { failure } = step;
    const refused = /should this be a string literal in single-quotes/.test(failure?.message ?? "");
    const found: Found[] = refused
      ? [
          {
            message: failure!.message,
            hint: "Write strings in single quotes",
            statement: failure!.statement,
          },
        ]
      : [];
    const before = new Map(step.before.objects.map((one) => [`${one.type} ${one.name}`, one]));
    for (const table of step.after.objects) {
      const was = before.get(`${table.type} ${table.name}`);
      if (was === table) continue;
      for (const column of table.columns ?? []) {
        const known = was === undefined ? undefined : columnNamed(was, column.name);
        if (column.default?.startsWith('"') !== true || known?.default === column.default) continue;
        found.push({
          message: `The default of ${table.name}.${column.name} is a string in double quotes: SQLite takes it here, and refuses it elsewhere`,
          hint: "Write strings in single quotes",
          statement: at(statementAbout(step, table.name)),
        });
      }
    }
    return found;
  },
};
