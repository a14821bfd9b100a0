import type { FileMigration, UnmatchedFile } from "../../domain/migration/migration-source.ts";
import type { CodeLanguage } from "../../domain/migration/migration.ts";
import { compareMigrations } from "../../domain/migration/migration-order.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { exportedNames } from "../code/exported-names.ts";
import { asSqlFile, languageOf } from "./code-files.ts";
import { directivesOf } from "./directives.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import type { ReadFiles } from "./migration-format.ts";

export type Role = "up" | "down" | "verify";

/** What a file's name says. */
export interface NamedFile {
  readonly file: string;
  readonly version: string;
  readonly name: string;
  readonly role: Role;
}

/** Reads a file's name; otherwise says why it is no migration. */
export type ReadName = (file: string) => NamedFile | { readonly reason: string };

/** What a format adds to a migration that was put together from its files. */
export type Finish = (migration: FileMigration) => Promise<FileMigration> | FileMigration;

const asItIs: Finish = (migration) => migration;

/** Puts files whose names say version and role together into migrations. */
export async function assemble(
  folder: MigrationFolder,
  readName: ReadName,
  finish: Finish = asItIs,
  { code = true }: { readonly code?: boolean } = {},
): Promise<ReadFiles> {
  const unmatched: UnmatchedFile[] = [];
  const byVersion = new Map<string, NamedFile[]>();
  for (const file of folder.files) {
    const found = code ? nameIn(file, readName) : readName(file);
    if ("reason" in found) unmatched.push({ file, reason: found.reason });
    else {
      const group = byVersion.get(found.version);
      if (group === undefined) byVersion.set(found.version, [found]);
      else group.push(found);
    }
  }
  const migrations: FileMigration[] = [];
  for (const [version, files] of byVersion) {
    const up = only(version, files, "up");
    if (up !== undefined) {
      const migration = await together(folder, up, files);
      if (migration !== undefined) migrations.push(await finish(migration));
      else unmatched.push({ file: up.file, reason: "it exports no function up(db)" });
    } else
      for (const { file, role } of files)
        unmatched.push({
          file,
          reason: `a ${role} script without an up script of version ${version}`,
        });
  }
  return { migrations: migrations.toSorted(compareMigrations), unmatched };
}

/** The version's file in that role. Error: InvalidInput duplicate-version. */
function only(version: string, files: readonly NamedFile[], role: Role): NamedFile | undefined {
  const [first, second] = files.filter((one) => one.role === role);
  if (second === undefined) return first;
  throw duplicateVersion(version, first!.file, second.file, ` are both the ${role} script of`);
}

/** Two files claim one version: nobody knows which is meant. */
export const duplicateVersion = (
  version: string,
  first: string,
  second: string,
  how = " both have",
): InvalidInput =>
  new InvalidInput("duplicate-version", `${first} and ${second}${how} version ${version}`, {
    hint: "Give one of them another version",
    details: { version },
  });

/** Code is named as SQL is. */
function nameIn(file: string, readName: ReadName): ReturnType<ReadName> {
  if (languageOf(file) === undefined) return readName(file);
  const found = readName(asSqlFile(file));
  return "reason" in found ? readName(file) : { ...found, file };
}

/** A module has both directions in one file. */
function codeIn(text: string, language: CodeLanguage): Partial<FileMigration> {
  return { language, ...(exportedNames(text).has("down") ? { down: text } : {}) };
}

/** Undefined: code that is no step. */
async function together(
  folder: MigrationFolder,
  up: NamedFile,
  files: readonly NamedFile[],
): Promise<FileMigration | undefined> {
  const text = await folder.text(up.file);
  const language = languageOf(up.file);
  if (language !== undefined && !exportedNames(text).has("up")) return undefined;
  const down = language === undefined ? only(up.version, files, "down") : undefined;
  const verify = only(up.version, files, "verify");
  return {
    version: up.version,
    name: nameOf(up.name, up.version),
    up: text,
    ...(down === undefined ? {} : { down: await folder.text(down.file) }),
    ...(language === undefined ? {} : codeIn(text, language)),
    ...(verify === undefined ? {} : { verify: await folder.text(verify.file) }),
    ...directivesOf(up.file, text),
    files: [up, down, verify].flatMap((one) => one?.file ?? []),
  };
}

/** As the API takes it. */
const MAX_NAME = 200;

/** A name for people: underscores are spaces. */
export const nameOf = (text: string, version: string): string =>
  (text.replaceAll(/[_\s]+/g, " ").trim() || version).slice(0, MAX_NAME);
