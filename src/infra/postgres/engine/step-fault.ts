import { DomainError, type Failure } from "../../../domain/shared/errors.ts";
import { StepFault } from "../../step/step-fault.ts";
import { redactMessage } from "../sql/redact.ts";
import { engineError, environmentError, sqlState } from "./postgres-error.ts";

/** Any thrown value as what the ledger keeps of it. */
export function stepFailure(error: unknown): Failure {
  const { code, message, hint } = error instanceof DomainError ? error : engineError(error);
  return {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(error instanceof StepFault && error.statement !== undefined
      ? { statement: error.statement }
      : {}),
  };
}

const HINTS: { readonly [state: string]: string } = {
  "55P04":
    "A value of an enum can be used only after the step that adds it was committed: divide the migration in two",
  "25001":
    'The statement cannot run inside a transaction: put it into a migration of its own, declared with transaction: "none"',
  "2D000":
    "A procedure or DO block tried to end the step's transaction: take COMMIT and ROLLBACK out",
  "23505":
    "Rows that are there already have equal values: find and merge them in the step, before the index or insert",
  "23502": "Rows that are there already have no value: fill the column in the step first",
  "23514": "Rows that are there already break the condition: correct them in the step first",
  "23503": "Rows that are there already refer to rows that are not: correct them in the step first",
  "42P07": "The object is there already: was the change made by hand?",
  "42710": "The object is there already: was the change made by hand?",
  "42701": "The column is there already: was the change made by hand?",
  "42P01": "Check the name, its schema, and the order of the migrations",
  "42703": "Check the name, and the order of the migrations",
  "2BP01": "Drop or change first what depends on it; CASCADE would take more than the script says",
  "42501": "The service's user must own what it changes",
  "0A000": "The server of this version cannot do it",
  "42601": "The server's own grammar is older than the one the script was checked with",
};

/** The fault of a statement that the server refused or could not finish. */
export function statementFault(error: unknown, statement: number): StepFault {
  const state = sqlState(error);
  const environment = state === "42501" ? undefined : environmentError(error);
  const message = redactMessage(
    error instanceof Error ? error.message : String(error),
    /^(22|P0)/.test(state),
  );
  const hint = environment?.hint ?? HINTS[state];
  const fault = new StepFault({
    code: environment?.code ?? "statement-failed",
    message: environment?.message ?? (state === "" ? message : `${message} (${state})`),
    statement,
    ...(hint === undefined ? {} : { hint }),
  });
  // Whether it can be tried again, and what is known of the connection, is read from the cause.
  fault.cause = error;
  return fault;
}
