import {
  Conflict,
  DomainError,
  InvalidInput,
  NotFound,
  Refused,
  Unavailable,
} from "../../domain/shared/errors.ts";

/** Members of problem+json that are told by the error's own members, or only make sense over HTTP. */
const OWN = new Set(["type", "title", "status", "detail", "code", "hint", "instance"]);

/** The error behind a problem+json answer, as if it had been thrown here. */
export function errorOfProblem(status: number, text: string, place: string): DomainError {
  const problem = parse(text);
  if (problem === undefined)
    return new Unavailable(
      "answer-not-understood",
      `${place} answered with HTTP status ${status}`,
      {
        hint: "See that --server is the address of a Schemaledger service",
      },
    );
  const details = Object.fromEntries(Object.entries(problem).filter(([name]) => !OWN.has(name)));
  const { code, detail, hint } = problem as { code: string; detail: string; hint?: string };
  return new (kindOf(status))(code, detail, { hint, details });
}

function parse(text: string): { readonly [member: string]: unknown } | undefined {
  try {
    const value = JSON.parse(text) as { readonly [member: string]: unknown } | null;
    const isProblem = typeof value?.["code"] === "string" && typeof value["detail"] === "string";
    return isProblem ? value : undefined;
  } catch {
    // Not JSON: whatever answered is not this service.
    return undefined;
  }
}

function kindOf(status: number): typeof DomainError {
  if (status === 401 || status === 403) return Refused;
  if (status === 404) return NotFound;
  if (status === 409) return Conflict;
  if (status === 503) return Unavailable;
  return status < 500 ? InvalidInput : DomainError;
}
