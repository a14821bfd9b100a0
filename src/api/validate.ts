import { plainToInstance, type ClassConstructor } from "class-transformer";
import { validateSync, type ValidationError } from "class-validator";
import { guardName } from "./json-guard.ts";
import { InvalidRequest, type FieldError } from "./problem.ts";

/** Turns untrusted members into a plain value of the DTO's shape. Throws InvalidRequest. */
export function validated<T extends object>(
  dto: ClassConstructor<T>,
  members: { readonly [member: string]: unknown },
  prefix: "/" | "?" = "/",
): T {
  const instance = plainToInstance(dto, members);
  const errors = validateSync(instance, {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    validationError: { target: false, value: false },
  });
  if (errors.length > 0)
    throw new InvalidRequest(errors.flatMap((error) => flatten(error, prefix)));
  return withoutUndefined(instance) as T;
}

/** The query's members as an own-property object. Throws InvalidInput for names of prototypes. */
export function queryMembers(query: { readonly [name: string]: unknown }): {
  readonly [name: string]: unknown;
} {
  const names = Object.keys(query);
  names.forEach(guardName);
  return Object.fromEntries(names.map((name) => [name, query[name]]));
}

/** A query without any member is refused for nothing: routes without parameters. */
export function refuseMembers(members: object, prefix: "/" | "?"): void {
  const names = Object.keys(members);
  if (names.length > 0)
    throw new InvalidRequest(
      names.map((name) => ({ pointer: pointer(prefix, name), message: `${name} is not known` })),
    );
}

const pointer = (prefix: string, name: string): string =>
  prefix + name.replaceAll("~", "~0").replaceAll("/", "~1");

function flatten(error: ValidationError, prefix: string): FieldError[] {
  const at = pointer(prefix, error.property);
  // What it is not comes first: of a text nobody wants to hear that it is too great.
  const rules = Object.entries(error.constraints ?? {}).toSorted(
    ([a], [b]) => Number(b.startsWith("is")) - Number(a.startsWith("is")),
  );
  const own = rules.map(([rule, message]) => ({
    pointer: at,
    message: rule === "whitelistValidation" ? `${error.property} is not known` : message,
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, `${at}/`))];
}

/** Plain objects whose absent members are absent: class fields leave them behind as undefined. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [name, withoutUndefined(member)]),
  );
}
