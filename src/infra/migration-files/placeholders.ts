import { InvalidInput } from "../../domain/shared/errors.ts";

/**
 * Puts values in for whatever `pattern` finds; its first group that matched is the name. Error:
 * InvalidInput placeholder-missing: a text with a hole in it must not reach a database.
 */
export function substituted(
  file: string,
  text: string,
  pattern: RegExp,
  values: ReadonlyMap<string, string>,
): string {
  return text.replaceAll(pattern, (found: string, ...groups: unknown[]) => {
    const name = groups.find((group) => typeof group === "string") as string;
    const value = values.get(name);
    if (value !== undefined) return value;
    throw new InvalidInput("placeholder-missing", `${file}: there is no value for ${found}`, {
      hint: `Give it with --placeholder ${name}=VALUE, or in schemaledger.config.json`,
      details: { file, placeholder: name },
    });
  });
}
