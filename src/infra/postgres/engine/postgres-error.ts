import { DomainError, Unavailable } from "../../../domain/shared/errors.ts";
import { redactMessage } from "../sql/redact.ts";

/** The server's own code of an error (`23505`), or "". */
export function sqlState(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return "";
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : "";
}

/** Others are in the way, and all of it can be tried again: lock_timeout, deadlock, serialization. */
export const isRetryable = (error: unknown): boolean =>
  ["55P03", "40P01", "40001"].includes(sqlState(error));

/** The connection, or the server, is gone: nobody knows what became of what was sent last. */
export function isLost(error: unknown): boolean {
  if (/^(08...|57P0[1-5])$/.test(sqlState(error))) return true;
  if (!(error instanceof Error) || error instanceof DomainError || sqlState(error) !== "")
    return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return /^E(CONN|PIPE|TIMEDOUT|HOST|NET|NOTFOUND|AI_AGAIN)/.test(code) || LOST.test(error.message);
}

const LOST = /connection (terminated|ended)|not queryable|timeout expired|client was closed/i;

interface Meaning {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const MEANINGS: readonly (readonly [RegExp, Meaning])[] = [
  [
    /^(55P03|40P01|40001)$/,
    {
      code: "database-locked",
      message: "Others hold locks that the operation needs",
      hint: "Look for long transactions in pg_stat_activity, or choose a quieter time",
    },
  ],
  [
    /^57014$/,
    {
      code: "statement-cancelled",
      message:
        "The server cancelled the statement: on request, or because of its statement_timeout",
      hint: "Run it again, or divide the step",
    },
  ],
  [
    /^(25006|57P05)$/,
    {
      code: "database-read-only",
      message: "The server takes no writes: it is a standby, or was set to read-only",
      hint: "Use the url of the primary server",
    },
  ],
  [
    /^28/,
    {
      code: "database-login-refused",
      message: "The server refused the login",
      hint: "Check the user, its password (see the guide on PostgreSQL databases) and pg_hba.conf",
    },
  ],
  [
    /^3D000$/,
    {
      code: "database-missing",
      message: "The server has no database of that name",
      hint: "Create it first: createdb, or CREATE DATABASE",
    },
  ],
  [
    /^42501$/,
    {
      code: "privilege-missing",
      message: "The user lacks a right",
      hint: "The service's user must own what it changes, and may create a schema in the database",
    },
  ],
  [
    /^53100$/,
    {
      code: "disk-full",
      message: "The server's disk is full",
      hint: "Free disk space on the server",
    },
  ],
  [
    /^53200$/,
    {
      code: "out-of-memory",
      message: "The server is out of memory",
      hint: "Split the step into smaller statements",
    },
  ],
  [
    /^53/,
    {
      code: "database-busy",
      message: "The server takes no more connections",
      hint: "Raise max_connections, or let fewer clients connect",
    },
  ],
  [
    /^XX00[12]$/,
    {
      code: "database-damaged",
      message: "The server found damage in the database",
      hint: "Keep a copy of the cluster's files, then restore the newest verified backup",
    },
  ],
  [
    /^(58|XX)/,
    {
      code: "io-error",
      message: "The server failed inside, or could not read or write its files",
      hint: "Look into the server's log",
    },
  ],
];

const UNREACHABLE: Meaning = {
  code: "database-unreachable",
  message: "The server cannot be reached, or the connection to it was lost",
  hint: "Check host, port, sslmode and the network; then try again",
};

/** What the environment did wrong, in the product's words; undefined for faults of a statement. */
export function environmentError(error: unknown): DomainError | undefined {
  if (error instanceof DomainError) return error;
  const state = sqlState(error);
  const meaning = isLost(error)
    ? UNREACHABLE
    : MEANINGS.find(([pattern]) => state !== "" && pattern.test(state))?.[1];
  if (meaning === undefined) return undefined;
  const text = error instanceof Error ? error.message : "";
  // What the network says holds an address, and no value of a row.
  const said = state === "" ? text : redactMessage(text, true);
  return new Unavailable(meaning.code, `${meaning.message}: ${said}`, {
    hint: meaning.hint,
    details: { sqlState: state },
  });
}

/** Any thrown value as an error with a stable code. */
export function engineError(error: unknown): DomainError {
  const known = environmentError(error);
  if (known !== undefined) return known;
  const state = sqlState(error);
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOSPC" || code === "EDQUOT") return new Unavailable("disk-full", message);
  return new Unavailable("engine-error", redactMessage(message, state.startsWith("22")), {
    details: { sqlState: state },
    hint: "Run an integrity check; report the message if it passes",
  });
}
