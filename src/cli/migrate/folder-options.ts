import { InvalidInput } from "../../domain/shared/errors.ts";
import type { FolderOptions } from "../../infra/migration-files/folder-migration-source.ts";
import type { OptionSpec } from "../command.ts";

/** What says how a folder is read, where it does not say so itself. */
export interface FolderFlags {
  readonly format?: string;
  readonly placeholder?: readonly string[];
  readonly config?: string;
}

export const FOLDER_OPTIONS: readonly OptionSpec[] = [
  {
    flags: "--format <tool>",
    description: "whose files they are (default: recognised; `schemaledger detect` explains)",
  },
  {
    flags: "--placeholder <name=value...>",
    description: "put the value in wherever a script has the placeholder",
  },
  {
    flags: "--config <file>",
    description: "how they are read (default: schemaledger.config.json in the folder)",
  },
];

/** Error: InvalidInput placeholder-invalid. */
export function folderOptions({ format, placeholder = [], config }: FolderFlags): FolderOptions {
  return {
    ...(format === undefined ? {} : { format }),
    ...(config === undefined ? {} : { config }),
    placeholders: new Map(placeholder.map(pairOf)),
  };
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new InvalidInput("placeholder-invalid", `--placeholder ${text} names no value`, {
    hint: "Write --placeholder NAME=VALUE",
  });
}
