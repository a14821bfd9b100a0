/**
 * An error that a caller can act on. `code` is stable kebab-case and part of the public interface;
 * `hint`, where one exists, names what to do next.
 */
export class DomainError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  /** Typed extra members, shown to the caller (never secrets). */
  readonly details: { readonly [key: string]: unknown };

  constructor(
    code: string,
    message: string,
    options: { hint?: string | undefined; details?: { readonly [key: string]: unknown } } = {},
  ) {
    super(message);
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** The request is malformed or cannot be meant. Nothing was changed. */
export class InvalidInput extends DomainError {}

/** What the request names does not exist. */
export class NotFound extends DomainError {}

/** The request contradicts the present state. Nothing was changed. */
export class Conflict extends DomainError {}

/** The caller did not prove who they are. */
export class Unauthenticated extends DomainError {}

/** A rule (permission, policy, root directory) forbids it. Nothing was changed. */
export class Refused extends DomainError {}

/** The ledger or a managed database cannot be used now. */
export class Unavailable extends DomainError {}

/** What a failed operation leaves in the ledger: no secrets, SQL literals redacted. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** 1-based number of the SQL statement that failed, if one did. */
  readonly statement?: number;
}

/** The recordable form of any thrown value. */
export function failureOf(error: unknown): Failure {
  if (error instanceof DomainError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(typeof error.details["statement"] === "number"
        ? { statement: error.details["statement"] }
        : {}),
    };
  }
  return { code: "internal", message: error instanceof Error ? error.message : String(error) };
}
