import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  CONFIG_FILE,
  configInvalid,
  isObject,
  parsedConfig,
  readFolderConfig,
} from "../../infra/migration-files/folder-config.ts";

/** What a project always wants of its tests: the member `test` of `schemaledger.config.json`. */
export interface TestSettings {
  /** Paths, from the folder on. */
  readonly fixtures?: string;
  readonly fresh?: string;
  readonly rows?: number;
  readonly nulls?: boolean;
  readonly strict?: boolean;
  readonly maxMs?: number;
  readonly maxLockMs?: number;
  readonly maxNewRows?: number;
}

type Kind = "path" | "number" | "boolean";

const MEMBERS: { readonly [K in keyof TestSettings]-?: Kind } = {
  fixtures: "path",
  fresh: "path",
  rows: "number",
  nulls: "boolean",
  strict: "boolean",
  maxMs: "number",
  maxLockMs: "number",
  maxNewRows: "number",
};

const FITS: { readonly [K in Kind]: (value: unknown) => boolean } = {
  path: (value) => typeof value === "string" && value !== "",
  number: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  boolean: (value) => typeof value === "boolean",
};

/** Those of a folder, or of the file that is named. Error: InvalidInput folder-config-invalid. */
export async function testSettings(directory: string, file?: string): Promise<TestSettings> {
  const config =
    file === undefined
      ? await readFolderConfig(directory)
      : parsedConfig(file, await readFile(file, "utf8"));
  const { test = {} } = config;
  const shown = file ?? CONFIG_FILE;
  if (!isObject(test)) throw configInvalid(shown, "test: it is not an object");
  const settings = Object.entries(test).map(([name, value]) => {
    const kind = (MEMBERS as { readonly [name: string]: Kind })[name];
    if (kind === undefined) throw configInvalid(shown, `test.${name}: it is not known`);
    if (!FITS[kind](value)) throw configInvalid(shown, `test.${name}: it is no ${kind}`);
    return [name, kind === "path" ? join(directory, value as string) : value] as const;
  });
  return Object.fromEntries(settings);
}
