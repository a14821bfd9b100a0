import type { FileMigration, UnmatchedFile } from "../../domain/migration/migration-source.ts";
import { configInvalid } from "./folder-config.ts";
import { leftOutVersion } from "./left-out-steps.ts";
import type { Grammar, Override } from "./grammar.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import type { ReadFiles } from "./migration-format.ts";
import { substituted } from "./placeholders.ts";
import { shippedBaseline } from "./shipped-database.ts";
import { noted } from "./transaction-opt-out.ts";

/** What the configuration says beside how files are named, whatever format they have. */
export async function applyConfig(
  { migrations, unmatched }: ReadFiles,
  grammar: Grammar,
  config: string,
  folder: MigrationFolder,
  values: ReadonlyMap<string, string>,
): Promise<ReadFiles> {
  const versions = new Set(migrations.map(({ version }) => version));
  for (const version of grammar.steps.keys())
    if (!versions.has(version))
      throw configInvalid(config, `migrations.steps.${version}: there is no such version`);
  const skipped: UnmatchedFile[] = [];
  const kept = migrations.flatMap((migration): FileMigration[] => {
    const override = grammar.steps.get(migration.version) ?? {};
    if (override.skip === undefined)
      return [overridden(filled(migration, grammar, values), override, config)];
    skipped.push({ file: migration.files[0]!, reason: `left out: ${override.skip}` });
    return [];
  });
  const base = await baselineOf(grammar, folder, config);
  return {
    migrations: base === undefined ? kept : [base, ...kept],
    unmatched: [...unmatched.map((one) => explained(one, grammar)), ...skipped].filter(
      ({ file }) => base === undefined || !base.files.includes(file),
    ),
  };
}

function explained({ file, reason }: UnmatchedFile, { ignore }: Grammar): UnmatchedFile {
  const said = ignore.find(([pattern]) => pattern.test(file))?.[1];
  if (said !== undefined) return { file, reason: said };
  const step = leftOutVersion(file);
  return { file, reason, ...(step === undefined ? {} : { step }) };
}

function overridden(
  migration: FileMigration,
  { allow, transaction, verify }: Override,
  config: string,
): FileMigration {
  const said = [
    ...(allow === undefined ? [] : ["what it may lose"]),
    ...(transaction === undefined ? [] : ["its transaction"]),
    ...(verify === undefined ? [] : ["how it is verified"]),
  ];
  if (said.length === 0) return migration;
  return noted(
    {
      ...migration,
      ...(allow === undefined ? {} : { allow }),
      ...(transaction === undefined ? {} : { transaction }),
      ...(verify === undefined ? {} : { verify }),
    },
    `${config} says ${said.join(" and ")}`,
  );
}

function filled(
  migration: FileMigration,
  { replace, placeholder }: Grammar,
  values: ReadonlyMap<string, string>,
): FileMigration {
  if (migration.language !== undefined || (replace.size === 0 && placeholder === undefined))
    return migration;
  const fill = (text: string): string => {
    const replaced = [...replace].reduce((all, [from, to]) => all.replaceAll(from, to), text);
    return placeholder === undefined
      ? replaced
      : substituted(migration.files[0]!, replaced, placeholder, values);
  };
  const up = fill(migration.up);
  return {
    ...migration,
    up,
    ...(migration.down === undefined ? {} : { down: fill(migration.down) }),
    ...(up === migration.up ? {} : { source: migration.source ?? migration.up }),
  };
}

async function baselineOf(
  { baseline }: Grammar,
  folder: MigrationFolder,
  config: string,
): Promise<FileMigration | undefined> {
  if (baseline === undefined) return undefined;
  const { version, file, isDatabase } = baseline;
  if (!folder.has(file))
    throw configInvalid(config, `migrations.baseline: there is no ${file} in the folder`);
  if (isDatabase) return shippedBaseline(version, file, folder.pathOf(file));
  return {
    version: `B${version}`,
    name: `baseline ${version}`,
    up: await folder.text(file),
    order: version,
    baseline: true,
    files: [file],
  };
}
