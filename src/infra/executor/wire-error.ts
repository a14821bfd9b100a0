import {
  Conflict,
  DomainError,
  InvalidInput,
  NotFound,
  Refused,
  Unavailable,
} from "../../domain/shared/errors.ts";

/** An error on its way between processes. */
export interface WireError {
  /** Name of the class; one that the receiver does not know becomes a plain `DomainError`. */
  readonly class: string;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly details: { readonly [key: string]: unknown };
  /** Only of errors that nobody foresaw: where in the other process they came from. */
  readonly stack?: string;
}

const STACK_LIMIT = 4096;

const classes: ReadonlyMap<string, typeof DomainError> = new Map(
  [DomainError, InvalidInput, NotFound, Conflict, Refused, Unavailable].map((c) => [c.name, c]),
);

export function toWire(error: unknown): WireError {
  if (error instanceof DomainError) {
    return {
      class: error.name,
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      details: writable(error.details),
    };
  }
  if (error instanceof Error) {
    return {
      class: error.name,
      code: "internal",
      message: error.message,
      details: {},
      ...(error.stack === undefined ? {} : { stack: error.stack.slice(0, STACK_LIMIT) }),
    };
  }
  return { class: "DomainError", code: "internal", message: String(error), details: {} };
}

/** The error as its class, so that `instanceof` works on this side too. */
export function fromWire(wire: WireError): DomainError {
  const Class = classes.get(wire.class) ?? DomainError;
  const error = new Class(wire.code, wire.message, { hint: wire.hint, details: wire.details });
  if (wire.stack !== undefined) {
    error.stack = wire.stack;
  }
  return error;
}

/** Details that JSON cannot write are left out: the error itself must arrive. */
function writable(details: DomainError["details"]): DomainError["details"] {
  try {
    JSON.stringify(details);
    return details;
  } catch {
    return { omitted: "details that cannot be written as JSON" };
  }
}
