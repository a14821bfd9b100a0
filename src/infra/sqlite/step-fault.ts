import { DomainError, type Failure } from "../../domain/shared/errors.ts";
import { StepFault } from "../step/step-fault.ts";
import { redactLiterals } from "./sql/redact.ts";
import { engineError, environmentError } from "./sqlite-error.ts";

/**
 * Any thrown value as what the ledger keeps of it. The engine's own words can carry values of rows:
 * they are redacted, ours never do.
 */
export function stepFailure(error: unknown): Failure {
  const ours = error instanceof DomainError;
  const { code, message, hint } = ours ? error : engineError(error);
  return {
    code,
    message: ours ? message : redactLiterals(message),
    ...(hint === undefined ? {} : { hint }),
    ...(error instanceof StepFault && error.statement !== undefined
      ? { statement: error.statement }
      : {}),
  };
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /no such function/i,
    "The application registers this function itself: give it in a module of SQL functions (docs/reference/code-steps.md), or compute the value in plain SQL",
  ],
  [
    /should this be a string literal in single-quotes/i,
    "Double quotes are for names only: write text in single quotes",
  ],
  [
    /UNIQUE constraint failed/i,
    "Rows that are there already have equal values: find and merge them in the step, before the index or insert",
  ],
  [
    /NOT NULL constraint failed/i,
    "Rows that are there already have no value: fill the column in the step first",
  ],
  [
    /Cannot add a NOT NULL column/i,
    "Rows are there already: give the column a default that is not NULL",
  ],
  [
    /bad JSON path/i,
    "If the step is a changeset of Liquibase with preconditions: one does not hold, and stops it as Liquibase would",
  ],
  [
    /CHECK constraint failed/i,
    "Rows that are there already break the condition: correct them in the step first",
  ],
  [
    /error in (view|trigger|index)/i,
    "Drop the views and triggers that mention the table first, and create them again at the end",
  ],
  [
    /malformed JSON/i,
    "A value that is there already is not JSON: leave such rows out with json_valid(…), or correct them in the step first",
  ],
  [/already exists/i, "The object is there already: was the change made by hand?"],
  [/no such table|no such column/i, "Check the name, and the order of the migrations"],
];

/** The fault of a statement that the engine refused or could not finish. */
export function statementFault(error: unknown, statement: number, rolledBack: boolean): StepFault {
  const environment = environmentError(error);
  const message = redactLiterals(error instanceof Error ? error.message : String(error));
  const hint = rolledBack
    ? "The statement ended the step's transaction (OR ROLLBACK, ON CONFLICT ROLLBACK or RAISE(ROLLBACK)): use ABORT instead"
    : (environment?.hint ?? HINTS.find(([pattern]) => pattern.test(message))?.[1]);
  return new StepFault({
    code: environment?.code ?? "statement-failed",
    message,
    statement,
    ...(hint === undefined ? {} : { hint }),
  });
}
