import type { Finding } from "../../migration/events.ts";
import type { LintedStep } from "../facts.ts";
import type { Found, LintRule } from "../rule.ts";
import { doubleQuotedString } from "./columns.ts";

const foundOf = ({
  message,
  hint,
  statement,
}: Pick<Finding, "message" | "hint" | "statement">): Found => ({ message, hint, statement });

const withCode =
  (...codes: readonly string[]) =>
  ({ findings }: LintedStep): Found[] =>
    findings.filter(({ code }) => codes.includes(code)).map(foundOf);

export const transactionControl: LintRule = {
  id: "transaction-control",
  severity: "error",
  title: "A statement would leave the transaction that makes the step all or nothing",
  check: (step) => [
    ...withCode("transaction-control", "escaped-transaction", "vacuum", "attach", "detach")(step),
    ...step.rewritings
      .filter((text) => !/PRAGMA \w+\): it is never run/.test(text))
      .map((message): Found => ({ severity: "info", message })),
  ],
};

export const foreignKeysPragma: LintRule = {
  id: "foreign-keys-pragma",
  severity: "info",
  title: "PRAGMA foreign_keys inside a transaction does nothing",
  check: withCode("pragma-skipped"),
};

export const pragmaWithoutEffect: LintRule = {
  id: "pragma-without-effect",
  severity: "error",
  title: "A PRAGMA does nothing inside a transaction, or must not be set by a step",
  check: withCode("pragma-refused"),
};

export const brokenReferences: LintRule = {
  id: "broken-references",
  severity: "error",
  title: "References are broken, emptied, or cannot be checked",
  check: withCode("foreign-key-violations", "foreign-key-mismatch", "references-nulled"),
};

/** Codes that another rule speaks of. */
const SPOKEN_OF = new Set([
  "transaction-control",
  "escaped-transaction",
  "vacuum",
  "attach",
  "detach",
  "pragma-refused",
  "foreign-key-violations",
  "foreign-key-mismatch",
  "references-nulled",
  "rows-lost",
]);

export const doesNotRun: LintRule = {
  id: "does-not-run",
  severity: "error",
  title: "The script cannot be run",
  check: (step, limits) => {
    const { failure } = step;
    if (failure === undefined || SPOKEN_OF.has(failure.code)) return [];
    if (doubleQuotedString.check(step, limits).some(({ message }) => message === failure.message))
      return [];
    return [foundOf({ ...failure, message: `${failure.message} (${failure.code})` })];
  },
};

export const missingDown: LintRule = {
  id: "missing-down",
  severity: "info",
  title: "There is no down script",
  check: ({ down, repeatable }) =>
    down !== undefined || repeatable
      ? []
      : [
          {
            message:
              "There is no down script: a roll back restores the run's backup, and what was written since is in the safety backup alone",
            hint: "Write one where the change can be undone without loss",
          },
        ],
};

export const downDiffers: LintRule = {
  id: "down-differs",
  severity: "warning",
  title: "The down script does not lead back to the schema of before",
  check: ({ down }) => {
    if (down === undefined || down.restores) return [];
    if (down.failure !== undefined)
      return [{ message: `The down script fails: ${down.failure.message}`, severity: "error" }];
    return [
      {
        message: "After the down script the schema is another one than before",
        hint: "Undo everything that the script makes, indexes and triggers included",
      },
    ];
  },
};
