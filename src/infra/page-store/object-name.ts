import { InvalidInput } from "../../domain/shared/errors.ts";

/** One folder, one name; nothing that could be a path gets further. */
const NAME = /^[a-z]+\/[0-9A-Za-z][0-9A-Za-z.-]*$/;

export const isObjectName = (name: string): boolean => NAME.test(name);

/** Error: InvalidInput object-name-invalid. */
export function requireObjectName(name: string): string {
  if (isObjectName(name)) return name;
  throw new InvalidInput("object-name-invalid", "The name of a stored object is malformed", {
    hint: "Use an id from the list of backups",
  });
}
