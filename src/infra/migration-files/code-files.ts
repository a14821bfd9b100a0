import { stripTypeScriptTypes } from "node:module";
import type { FileMigration } from "../../domain/migration/migration-source.ts";
import type { CodeLanguage } from "../../domain/migration/migration.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { exportedNames } from "../code/exported-names.ts";

const ENDING = /\.(m?js|m?ts)$/;

/** The language of a file with code, by its ending; undefined: it has none that can be run. */
export function languageOf(file: string): CodeLanguage | undefined {
  const [, ending] = ENDING.exec(file) ?? [];
  if (ending === undefined || /\.d\.m?ts$/.test(file)) return undefined;
  return ending.endsWith("ts") ? "typescript" : "javascript";
}

/** The name that it would have in SQL: formats know names of SQL files. */
export const asSqlFile = (file: string): string => file.replace(ENDING, ".sql");

/** Names of the module with SQL functions, in the folder itself. */
export const FUNCTION_FILES = ["mjs", "js", "ts", "mts"].map(
  (ending) => `schemaledger.functions.${ending}`,
);

/** A module of SQL functions. */
export interface SqlFunctions {
  /** In JavaScript. */
  readonly text: string;
  readonly names: readonly string[];
}

/** Error: InvalidInput sql-functions-invalid. */
export function sqlFunctions(file: string, text: string): SqlFunctions {
  const names = [...exportedNames(text)].filter((name) => name !== "default");
  if (names.length === 0)
    throw new InvalidInput("sql-functions-invalid", `${file} exports no function`, {
      hint: "Write export function NAME(value) { … }: it becomes the SQL function NAME",
    });
  return { text: languageOf(file) === "typescript" ? stripTypeScriptTypes(text) : text, names };
}

/** Gives the module to those that use one of its functions: what does not is not changed by it. */
export function withFunctions(
  migrations: readonly FileMigration[],
  { text, names }: SqlFunctions,
): FileMigration[] {
  const used = new RegExp(String.raw`(?<![\w$])(?:${names.map(escaped).join("|")})\s*\(`, "i");
  return migrations.map((migration) => {
    const { up, down = "", verify = "" } = migration;
    return migration.language !== undefined || [up, down, verify].some((sql) => used.test(sql))
      ? { ...migration, functions: text }
      : migration;
  });
}

const escaped = (name: string): string => name.replaceAll("$", String.raw`\$`);
