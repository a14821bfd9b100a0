import type { MigrationFolder } from "./migration-folder.ts";

/** What of Flyway's configuration decides how files are named and read. */
export interface FlywaySettings {
  readonly versioned: string;
  readonly undo: string;
  readonly repeatable: string;
  readonly baseline: string;
  readonly separator: string;
  readonly suffixes: readonly string[];
  readonly replaces: boolean;
  readonly prefix: string;
  readonly suffix: string;
  readonly placeholders: ReadonlyMap<string, string>;
}

const FILES = ["flyway.conf", "flyway.toml"];

/** Flyway's configuration files in the folder, or its defaults. */
export async function flywaySettings(folder: MigrationFolder): Promise<FlywaySettings> {
  const values = new Map<string, string>();
  for (const file of FILES)
    if (folder.has(file))
      for (const [key, value] of settingsIn(await folder.text(file))) values.set(key, value);
  const setting = (key: string, otherwise: string): string => values.get(key) ?? otherwise;
  return {
    versioned: setting("sqlMigrationPrefix", "V"),
    undo: setting("undoSqlMigrationPrefix", "U"),
    repeatable: setting("repeatableSqlMigrationPrefix", "R"),
    baseline: setting("baselineMigrationPrefix", "B"),
    separator: setting("sqlMigrationSeparator", "__"),
    suffixes: setting("sqlMigrationSuffixes", ".sql").split(/\s*,\s*/),
    replaces: setting("placeholderReplacement", "true") !== "false",
    prefix: setting("placeholderPrefix", "${"),
    suffix: setting("placeholderSuffix", "}"),
    placeholders: new Map(
      [...values]
        .filter(([key]) => key.startsWith("placeholders."))
        .map(([key, value]) => [key.slice("placeholders.".length), value]),
    ),
  };
}

/** The files that it consists of. */
export const isFlywaySettings = (file: string): boolean => FILES.includes(file);

/** `flyway.key=value` lines, and `key = "value"` under `[flyway]` or `[flyway.placeholders]`. */
export function settingsIn(text: string): [string, string][] {
  const found: [string, string][] = [];
  let table = "";
  for (const line of text.split(/\r?\n/)) {
    const [, header] = /^\s*\[([\w.]+)\]\s*$/.exec(line) ?? [];
    if (header !== undefined) table = `${header}.`;
    const [, key, value] = /^\s*([\w.]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined) continue;
    const name = `${table}${key}`.replace(/^flyway\./, "");
    found.push([name, plain(value!)]);
  }
  return found;
}

/** Without TOML's quotes and list brackets. */
const plain = (value: string): string =>
  value.replace(/^\[(.*)\]$/, "$1").replaceAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, "$1$2");
