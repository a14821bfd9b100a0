import { DomainError, Unavailable } from "../../../domain/shared/errors.ts";

/** SQLSTATE of what a server answered, or undefined when there was no answer. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("severity" in error) || !("code" in error)) return undefined;
  return String(error.code);
}

/** What the client says of a connection that is none any more. */
const LOST =
  /connection (terminated|error|ended)|not queryable|client was closed|timeout expired|query read timeout/i;

/** Whether the connection ended, so that nobody knows what became of what was asked last. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof DomainError) return false;
  const state = sqlState(error);
  // 57P01 to 57P03: the server ends, or begins; 08: the connection ends; 25P03, 25P04: it was idle for too long.
  if (state !== undefined) return /^(08|57P0|25P03|25P04)/.test(state);
  return "code" in error || LOST.test(error.message);
}

/** Whether others were in the way, so that everything must be decided anew. */
export const isRace = (error: unknown): boolean =>
  ["40001", "40P01", "55P03"].includes(sqlState(error) ?? "");

/** The same without the head's lock: then a key that is there already is one more sign of it. */
export const isLate = (error: unknown): boolean => isRace(error) || sqlState(error) === "23505";

/** What a server says, without values: the text of a DETAIL can hold rows. */
const said = (error: unknown): string => {
  const why = error instanceof Error ? error.message : String(error);
  const state = sqlState(error);
  return state === undefined ? why : `${why} (${state})`;
};

/** `place` names the ledger without its password. */
export function openFailed(place: string, error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  return new Unavailable("ledger-open-failed", `${place} cannot be opened: ${said(error)}`, {
    hint: "See that the server runs, and that the url, the role and its password are right",
  });
}

/** Nothing of an append was stored. */
export function writeFailed(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  return new Unavailable("ledger-write-failed", `The ledger could not be written: ${said(error)}`, {
    hint: "See that the ledger's server can be reached and has space, then try again under the same key",
  });
}

/** The connection was lost around a commit, and nobody could be asked since. */
export const outcomeUnknown = (error: unknown): Unavailable =>
  new Unavailable(
    "ledger-write-failed",
    `The ledger's server did not answer, and may have stored it: ${said(error)}`,
    {
      hint: "Try again under the same key: it is stored once",
      details: { stored: "unknown" },
    },
  );

export function readFailed(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  return new Unavailable("ledger-read-failed", `The ledger could not be read: ${said(error)}`, {
    hint: "See that the ledger's server can be reached",
  });
}

export const ledgerClosed = (): Unavailable =>
  new Unavailable("ledger-closed", "The ledger is closed", { hint: "Start the service again" });

/** The server has less than was appended: an older copy took its place, a standby for one. */
export const rolledBack = (known: number, found: number): Unavailable =>
  new Unavailable(
    "ledger-rolled-back",
    `The ledger had ${known} events, and its server has only ${found}: an older copy is in its place`,
    {
      hint: "A standby that took over may lack the last events: docs/guides/postgres-ledger.md says what to do",
      details: { signed: known, found },
    },
  );
