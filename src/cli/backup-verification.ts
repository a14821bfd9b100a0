import { DomainError, type Failure } from "../domain/shared/errors.ts";
import { EXIT } from "./exit-codes.ts";

/** The newest verification of a backup, as the API gives it. */
export interface Verification {
  readonly status: "running" | "passed" | "failed" | "aborted";
  readonly at: string;
  readonly error: Failure | null;
}

interface Verified {
  readonly id: string;
  readonly database: string;
  readonly verification: Verification | null;
}

/** Throws the error of a verification that failed or did not come to its end. */
export function requirePassed({ id, database, verification }: Verified): void {
  const { status, error } = verification ?? {};
  if (status === "passed") return;
  const { code = "verification-aborted", message = "It did not come to its end" } = error ?? {};
  const hint =
    status === "failed"
      ? `schemaledger backup ${database} takes another one; this one is never chosen again`
      : error?.hint;
  const safe = "The database was not touched.";
  throw new DomainError(code, `The verification of ${id} ${status}: ${message}`, {
    hint,
    details: { safe, ...(status === "failed" ? { exitCode: EXIT.integrity } : {}) },
  });
}
