import type { LintedStep } from "../facts.ts";
import { same, type Found, type LintRule } from "../rule.ts";
import {
  at,
  columnAfter,
  columnNamed,
  lostTables,
  statementAbout,
  changedTables,
} from "../tables.ts";

export const dropTable: LintRule = {
  id: "drop-table",
  severity: "warning",
  title: "A table is dropped with its rows",
  check: (step) =>
    lostTables(step).map(({ name }) => ({
      message: `Table ${name} is dropped, and its rows with it`,
      hint: "Let no application use it for a release first; the run keeps its rows in a backup",
      statement: at(statementAbout(step, name, "drop")),
    })),
};

export const dropColumn: LintRule = {
  id: "drop-column",
  severity: "warning",
  title: "A column is dropped with its values",
  check: (step) =>
    changedTables(step).flatMap((table) =>
      (table.before.columns ?? [])
        .filter(
          ({ name }) => columnNamed(table.after, columnAfter(step, table, name)) === undefined,
        )
        .map(({ name }) => ({
          message: `Column ${name} of ${table.after.name} is gone, and its values with it`,
          hint: "Let no application read or write it for a release first",
          statement: at(statementAbout(step, table.before.name)),
        })),
    ),
};

/** Statements that delete rows of a table that stays, and does not allow it. */
export const undeclaredRowLoss: LintRule = {
  id: "undeclared-row-loss",
  severity: "warning",
  title: "Rows of a table that stays are deleted or replaced without being declared",
  check: (step) => [...lostRows(step), ...deletions(step)],
};

/** With rows in the table the run would fail here. */
const lostRows = ({ failure, findings }: LintedStep): Found[] => {
  const lost = findings.filter(
    ({ code, severity }) => code === "rows-lost" && severity === "error",
  );
  if (lost.length > 0)
    return lost.map(({ message, hint }) => ({
      severity: "error",
      message,
      hint,
    }));
  if (failure?.code !== "rows-lost") return [];
  return [{ severity: "error", message: failure.message }];
};

function deletions(step: LintedStep): Found[] {
  const { allow, before, statements } = step;
  const allowed = (table: string): boolean =>
    (allow.rowLoss ?? []).some((name) => same(name, table));
  // Of what is dropped in the end, another rule speaks.
  const lost = new Set(lostTables(step).map(({ name }) => name));
  const wasThere = (table: string): boolean =>
    before.objects.some(
      ({ type, name }) => type === "table" && same(name, table) && !lost.has(name),
    );
  return statements.flatMap(({ deletesFrom, number, word, allRows }) => {
    if (deletesFrom === undefined || !wasThere(deletesFrom) || allowed(deletesFrom)) return [];
    const what =
      word === "DELETE" ? (allRows ? "deletes every row" : "deletes rows") : "replaces rows";
    return [
      {
        message: `The statement ${what} of ${deletesFrom}; a run that ends with fewer rows undoes the step`,
        hint: `If it is meant, write at the head of the file: -- schemaledger:allow-row-loss ${deletesFrom}`,
        statement: number,
      },
    ];
  });
}

const LOSING = new Set(["CASCADE", "SET NULL", "SET DEFAULT"]);

export const cascadeThroughRebuild: LintRule = {
  id: "cascade-through-rebuild",
  severity: "warning",
  title: "A table is rebuilt or dropped whose children cascade",
  check: (step) =>
    step.before.keys.flatMap(({ child, columns, parent, onDelete }) => {
      const isDropped = (name: string): boolean => step.dropped.some((one) => same(one, name));
      if (!LOSING.has(onDelete) || !isDropped(parent) || isDropped(child) || same(child, parent))
        return [];
      const rebuilt = changedTables(step).some(({ before }) => same(before.name, parent));
      const loss = onDelete === "CASCADE" ? `rows of ${child}` : `${child}.${columns.join(", ")}`;
      return [
        {
          message: `Dropping ${parent}${rebuilt ? " for its rebuild" : ""} takes ${loss} along (ON DELETE ${onDelete}) wherever foreign keys are on, and every check says ok`,
          hint: "Runs of Schemaledger have foreign keys off outside the transaction and compare rows; with another runner turn them off before its transaction begins",
          statement: at(statementAbout(step, parent, "drop")),
        },
      ];
    }),
};
