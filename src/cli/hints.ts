import type { DomainError } from "../domain/shared/errors.ts";

/** What to type next, where the service's own hint speaks of its REST interface or says less. */
const COMMAND_HINTS: { readonly [code: string]: string } = {
  "database-not-found":
    "schemaledger status lists the databases; schemaledger migrate registers one",
  "recovery-awaits-restore":
    "schemaledger approve decides on the restore; schemaledger migrate applies what is pending then",
  "run-not-found": "schemaledger runs list shows the runs",
  "data-directory-in-use": "Wait for that process, or use another --data",
  "token-missing": "Put the service's API key into SCHEMALEDGER_TOKEN",
  "token-unknown": "Put a valid API key into SCHEMALEDGER_TOKEN",
  "plan-changed": "schemaledger plan shows the present plan",
  "rows-lost":
    "If that is meant, say so at the head of the file: -- schemaledger:allow-row-loss TABLE; for a file that must stay as it is, in steps of schemaledger.config.json",
  "migration-changed":
    "Put the applied text back and make the change in a new version; schemaledger accept takes it with a reason",
  "migration-file-missing":
    "Put the file back; schemaledger accept records with a reason that it is gone",
  drift: "schemaledger diff shows what was changed past the ledger",
  "database-quarantined":
    "schemaledger status shows why; schemaledger restore brings a backup back",
  "point-not-reached": "schemaledger log -n 1 shows the newest event",
  "invalid-request": "--help of the command says what it takes",
  "backup-not-found": "schemaledger backups list DATABASE shows them",
  "hold-not-found": "schemaledger holds list DATABASE shows those in force",
  "version-not-registered":
    "schemaledger status lists the versions; schemaledger migrate registers files",
};

/** Of no help to somebody who types commands. */
const OF_REST = /\b(GET|POST|PATCH|DELETE) \//;

/** The hint to print; undefined where there is none. */
export function hintOf(error: unknown): string | undefined {
  const { code, hint } = error as Partial<DomainError>;
  return COMMAND_HINTS[code ?? ""] ?? (OF_REST.test(hint ?? "") ? undefined : hint);
}
