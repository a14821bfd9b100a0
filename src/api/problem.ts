import { STATUS_CODES } from "node:http";
import {
  Conflict,
  DomainError,
  InvalidInput,
  NotFound,
  Refused,
  Unauthenticated,
  Unavailable,
} from "../domain/shared/errors.ts";

export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** RFC 9457 problem details, with this service's stable members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly hint?: string;
  /** What is wrong where: JSON pointers into the body, or `?name` of a query parameter. */
  readonly errors?: readonly FieldError[];
  readonly requestId: string;
  readonly instance: string;
  readonly [extension: string]: unknown;
}

export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

/** The request's fields are not as declared. */
export class InvalidRequest extends InvalidInput {
  constructor(errors: readonly FieldError[]) {
    super("invalid-request", `The request is not valid: ${errors[0]?.message ?? "see errors"}`, {
      hint: "Correct the fields named in errors",
      details: { errors },
    });
  }
}

/** The caller is known and lacks the permission. */
export class Forbidden extends Refused {
  constructor(permission: string, roles: readonly string[]) {
    super("forbidden", `The key's roles do not give the permission ${permission}`, {
      hint: "Use a key with a role that gives this permission, or ask an administrator for one",
      details: { permission, roles },
    });
  }
}

/** The request is refused for its HTTP form, before anything of it was looked at. */
export class HttpError extends DomainError {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };

  constructor(
    status: number,
    code: string,
    message: string,
    options: {
      readonly hint?: string;
      readonly headers?: { readonly [name: string]: string };
      readonly details?: { readonly [member: string]: unknown };
    } = {},
  ) {
    const { hint, details = {} } = options;
    super(code, message, { hint, details });
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** What is sent for an error: the problem and the headers that belong to it. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: { readonly [name: string]: string };
}

/** The one place where errors become status codes. Unknown errors tell nothing of themselves. */
export function problemOf(error: unknown, requestId: string, instance: string): ProblemAnswer {
  const known = error instanceof DomainError ? error : (fromHttpLibrary(error) ?? UNEXPECTED);
  const status = statusOf(known);
  const problem: Problem = {
    ...known.details,
    type: `urn:schemaledger:problem:${known.code}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail: known.message,
    code: known.code,
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    requestId,
    instance,
  };
  return { problem, headers: headersOf(known, status) };
}

/** True for what no caller caused: it belongs in the log. */
export const isUnexpected = (error: unknown): boolean =>
  !(error instanceof DomainError) && fromHttpLibrary(error) === undefined;

const UNEXPECTED = new DomainError("internal", "The service failed to answer this request", {
  hint: "Look for the request id in the service's log",
});

function statusOf(error: DomainError): number {
  if (error instanceof HttpError) return error.status;
  if (error instanceof Unauthenticated) return 401;
  if (error instanceof InvalidInput) return 400;
  if (error instanceof NotFound) return 404;
  if (error instanceof Conflict) return 409;
  if (error instanceof Refused) return 403;
  if (error instanceof Unavailable) return 503;
  return 500;
}

function headersOf(error: DomainError, status: number): { readonly [name: string]: string } {
  if (error instanceof HttpError) return error.headers;
  if (status === 401) return { "WWW-Authenticate": 'Bearer realm="schemaledger"' };
  if (status === 503) return { "Retry-After": "1" };
  return {};
}

/** Express and its body reader throw errors with a status of their own. */
function fromHttpLibrary(error: unknown): HttpError | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined;
  switch (error.status) {
    case 413:
      return new HttpError(413, "body-too-large", "The request's body is too large", {
        hint: "Send less at once; only migrations may be larger than 1 MiB",
        headers: { Connection: "close" },
      });
    case 415:
      return new HttpError(
        415,
        "content-encoding",
        "The body's content encoding is not supported",
        {
          hint: "Send the body without Content-Encoding",
        },
      );
    case 400:
      return new HttpError(400, "malformed-request", "The request is malformed");
    default:
      return undefined;
  }
}
