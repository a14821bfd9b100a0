import { DomainError, Unavailable } from "../../domain/shared/errors.ts";

/** The engine's own code of an error (`SQLITE_BUSY`, `SQLITE_CONSTRAINT_UNIQUE`), or "". */
export function sqliteCode(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return "";
  return error.code.startsWith("SQLITE_") ? error.code : "";
}

/** Somebody else holds a lock: waiting may help. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error));

interface Meaning {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const MEANINGS: readonly (readonly [RegExp, Meaning])[] = [
  [
    /^SQLITE_(BUSY|LOCKED)/,
    {
      code: "database-locked",
      message: "Another connection holds the database's lock",
      hint: "Let the application finish its transaction, or allow a longer wait for the lock",
    },
  ],
  [
    /^SQLITE_NOTADB/,
    {
      code: "not-a-database",
      message: "The file is not an SQLite database, or it is encrypted",
      hint: "Check the path; an encrypted database cannot be managed",
    },
  ],
  [
    /^SQLITE_CORRUPT/,
    {
      code: "database-damaged",
      message: "The database file is damaged",
      hint: "Restore the newest verified backup; keep a copy of the damaged files",
    },
  ],
  [
    /^SQLITE_READONLY_DBMOVED/,
    {
      code: "database-replaced",
      message: "The database file was moved, deleted or replaced while it was open",
      hint: "Put the file back, or restore a verified backup",
    },
  ],
  [
    /^SQLITE_(READONLY|PERM|AUTH)/,
    {
      code: "database-read-only",
      message: "The database cannot be written",
      hint: "Give the service write permission to the file and to its directory",
    },
  ],
  [
    /^SQLITE_FULL/,
    {
      code: "disk-full",
      message: "The disk, or the database's page limit, is full",
      hint: "Free disk space: the database, its journal and the backups need room",
    },
  ],
  [
    /^SQLITE_(IOERR|PROTOCOL|NOLFS)/,
    {
      code: "io-error",
      message: "Reading or writing the database's files failed",
      hint: "Check the disk and the file system; then run an integrity check",
    },
  ],
  [
    /^SQLITE_CANTOPEN/,
    {
      code: "io-error",
      message: "The database's files cannot be opened",
      hint: "Check the permissions of the file and of its directory",
    },
  ],
  [
    /^SQLITE_NOMEM/,
    {
      code: "out-of-memory",
      message: "The operation needs more memory than there is",
      hint: "Free memory, or split the step into smaller statements",
    },
  ],
];

/** What the environment did wrong, in the product's words; undefined for faults of a statement. */
export function environmentError(error: unknown): DomainError | undefined {
  if (error instanceof DomainError) return error;
  const code = sqliteCode(error);
  const meaning = MEANINGS.find(([pattern]) => pattern.test(code))?.[1];
  if (meaning === undefined) return undefined;
  return new Unavailable(meaning.code, meaning.message, {
    hint: meaning.hint,
    details: { sqlite: code },
  });
}

/** Any thrown value as an error with a stable code. */
export function engineError(error: unknown): DomainError {
  const known = environmentError(error) ?? fileError(error);
  if (known !== undefined) return known;
  const message = error instanceof Error ? error.message : String(error);
  return new Unavailable("engine-error", message, {
    details: { sqlite: sqliteCode(error) },
    hint: "Run an integrity check; report the message if it passes",
  });
}

const FILE_CODES: { readonly [code: string]: string } = {
  ENOSPC: "disk-full",
  EDQUOT: "disk-full",
  EIO: "io-error",
  EACCES: "io-error",
  EPERM: "io-error",
  EROFS: "database-read-only",
  ENOENT: "io-error",
  EEXIST: "path-exists",
};

function fileError(error: unknown): DomainError | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return;
  const code = FILE_CODES[error.code];
  return code === undefined ? undefined : new Unavailable(code, error.message);
}
