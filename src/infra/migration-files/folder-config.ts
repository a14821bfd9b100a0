import { InvalidInput } from "../../domain/shared/errors.ts";
import { MigrationFolder } from "./migration-folder.ts";

/** In the folder of migrations: how it is read, and what else is to be said about it. */
export const CONFIG_FILE = "schemaledger.config.json";

/** The members of the file, each read by whom it is for. */
export interface FolderConfig {
  readonly migrations?: unknown;
  readonly [member: string]: unknown;
}

/** The configuration of a folder; empty if it has none. Error: InvalidInput folder-config-invalid. */
export const readFolderConfig = async (path: string): Promise<FolderConfig> =>
  configIn(MigrationFolder.open(path));

/** As `readFolderConfig`, of a folder that is open. */
export async function configIn(folder: MigrationFolder): Promise<FolderConfig> {
  return folder.has(CONFIG_FILE) ? parsedConfig(CONFIG_FILE, await folder.text(CONFIG_FILE)) : {};
}

export function parsedConfig(file: string, text: string): FolderConfig {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isObject(parsed)) return parsed;
  } catch (error) {
    throw configInvalid(file, `it is not JSON: ${error instanceof Error ? error.message : ""}`);
  }
  throw configInvalid(file, "it is not a JSON object");
}

export const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whatever is wrong in it would otherwise be a rule that silently does not hold. */
export const configInvalid = (file: string, what: string): InvalidInput =>
  new InvalidInput("folder-config-invalid", `${file}: ${what}`, {
    hint: "docs/reference/migration-files.md has every member",
  });
