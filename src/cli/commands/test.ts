import { readFile, stat, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import type { MigrationSet } from "../../domain/migration/migration-source.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import type { Budgets, TestPass } from "../../domain/testing/migration-test.ts";
import { NO_FIXTURES, readFixtures } from "../../infra/migration-files/fixtures.ts";
import { FolderMigrationSource } from "../../infra/migration-files/folder-migration-source.ts";
import { NodeDigest } from "../../infra/signing/node-digest.ts";
import { resolveSet } from "../../library/resolve-set.ts";
import { testMigrations, type FreshInstallation } from "../../library/testing/test-migrations.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { FOLDER_OPTIONS, folderOptions, type FolderFlags } from "../migrate/folder-options.ts";
import { plain } from "../output.ts";
import { Progress } from "../progress.ts";
import { junit } from "../test/junit.ts";
import { testSettings, type TestSettings } from "../test/settings.ts";
import { showReport } from "../test/show.ts";
import { tap } from "../test/tap.ts";

interface TestFlags extends FolderFlags {
  readonly snapshot?: string;
  readonly at?: string;
  readonly fixtures?: string;
  readonly fresh?: string;
  readonly rows: string;
  /** `--no-nulls`. */
  readonly nulls: boolean;
  readonly strict?: boolean;
  readonly maxMs?: string;
  readonly maxLockMs?: string;
  readonly maxNewRows?: string;
  readonly junit?: string;
  readonly tap?: boolean;
}

const MOST_ROWS = 10_000;

export const command = defineCommand<TestFlags>({
  arguments: [{ name: "<dir>", description: "the folder with the migration files" }],
  options: [
    { flags: "--snapshot <file>", description: "also try them on a copy of this database" },
    {
      flags: "--at <version>",
      description: "the newest version that the snapshot has (default: as its markers say)",
    },
    {
      flags: "--rows <n>",
      description: "generated rows a table in the second pass; 0 leaves that pass out",
      default: "5",
    },
    { flags: "--no-nulls", description: "generated rows have no NULL where one is allowed" },
    { flags: "--fixtures <dir>", description: "rows and expectations a version (see below)" },
    {
      flags: "--fresh <path>",
      description: "an SQL file or a folder that must lead to the same schema",
    },
    { flags: "--strict", description: "a way back that loses rows, or is missing, is a failure" },
    { flags: "--max-ms <ms>", description: "longest time a step may take" },
    { flags: "--max-lock-ms <ms>", description: "longest time a step may hold the lock" },
    { flags: "--max-new-rows <n>", description: "most rows that a step may add" },
    { flags: "--junit <file>", description: "write JUnit XML there" },
    { flags: "--tap", description: "print the Test Anything Protocol" },
    ...FOLDER_OPTIONS,
  ],
  format: "test/1",
  members: {
    passes:
      "`{name, cases, filled}`; `name` is `empty`, `rows` or `snapshot`; a case has `check`, `version`, `name`, `verdict` (`passed`, `failed`, `lossy`, `skipped`), `durationMs`, `lockMs` and `failure`",
    passed: "number of cases",
    failed: "number of cases",
    lossy: "number of cases that work, and whose way back loses rows or is missing",
    skipped: "number of cases that were not reached",
    unmatchedFiles: "`{file, reason}` of files that are no migrations",
  },
  examples: [
    "schemaledger test ./migrations",
    "schemaledger test ./migrations --snapshot copy-of-production.db --strict",
    "schemaledger test ./migrations --fixtures ./fixtures --fresh schema.sql --junit report.xml",
  ],
  details:
    "Each migration is tried on scratch databases in a process of its own: up with every check of a real run,\n" +
    "its verify script, then on a copy down and up again, comparing schema and every row. First from an empty\n" +
    "database, then with generated rows in every table. Nothing that exists is written.\n\n" +
    "Files in the folder of fixtures: VERSION.sql, VERSION.json ({table: [{column: value}]}) and\n" +
    "VERSION.TABLE.csv are loaded once that version is applied; VERSION.expect.sql has queries that must hold\n" +
    "then, before its own rows; both in the pass from an empty database. Exit code 1: something failed.\n" +
    "What a project always wants is a member of schemaledger.config.json (docs/guides/test-migrations.md).\n",
  run: async ({ args, options: flags, sourceOf, out, signal }) => {
    const dir = args[0]!;
    const options = withSettings(flags, sourceOf, await testSettings(dir, flags.config));
    const { migrations, unmatched } = await setOf(dir, options);
    const versions = migrations.map(({ version }) => version);
    const { fixtures, snapshot, at } = options;
    const progress = new Progress(out);
    for (const { file, reason } of unmatched)
      progress.done(`Not a migration: ${plain(file)} (${reason})`);
    const report = await testMigrations({
      migrations,
      passes: passesOf(options),
      fixtures: fixtures === undefined ? NO_FIXTURES : await readFixtures(fixtures, versions),
      budgets: budgetsOf(options),
      strict: options.strict === true,
      rows: rowsOf(options),
      nulls: options.nulls,
      ...(snapshot === undefined
        ? {}
        : { snapshot: { file: snapshot, ...(at === undefined ? {} : { at }) } }),
      ...(options.fresh === undefined ? {} : { fresh: await freshOf(options.fresh, options) }),
      signal,
      hear: (pass, { version, name }) => progress.doing(`${pass}: ${version ?? ""} ${name}`),
    });
    progress.end();
    if (options.junit !== undefined) await writeFile(options.junit, junit(report));
    if (options.tap === true) out.raw(tap(report));
    else out.result({ ...report, unmatchedFiles: unmatched }, () => showReport(out, report));
    return report.failed > 0 ? EXIT.failed : EXIT.done;
  },
});

/** What is given on the command line or in the environment wins. */
function withSettings(
  flags: TestFlags,
  sourceOf: (option: string) => string | undefined,
  settings: TestSettings,
): TestFlags {
  const own = Object.entries(settings)
    .filter(([name]) => [undefined, "default"].includes(sourceOf(name)))
    .map(([name, value]) => [name, typeof value === "number" ? String(value) : value]);
  return { ...flags, ...(Object.fromEntries(own) as Partial<TestFlags>) };
}

async function setOf(dir: string, flags: FolderFlags): Promise<MigrationSet> {
  const set = await new FolderMigrationSource(dir, folderOptions(flags)).read();
  const digest = new NodeDigest();
  return resolveSet(set, { registered: [], isEmpty: () => true, digest });
}

function passesOf(flags: TestFlags): TestPass["name"][] {
  if (flags.at !== undefined && flags.snapshot === undefined)
    throw new InvalidInput("snapshot-missing", "--at says what a snapshot has, and there is none", {
      hint: "Name it with --snapshot",
    });
  return [
    "empty",
    ...(rowsOf(flags) === 0 ? [] : (["rows"] as const)),
    ...(flags.snapshot === undefined ? [] : (["snapshot"] as const)),
  ];
}

const rowsOf = ({ rows }: TestFlags): number => numberOf("--rows", rows, MOST_ROWS);

const budgetsOf = ({ maxMs, maxLockMs, maxNewRows }: TestFlags): Budgets => ({
  ...(maxMs === undefined ? {} : { durationMs: numberOf("--max-ms", maxMs) }),
  ...(maxLockMs === undefined ? {} : { lockMs: numberOf("--max-lock-ms", maxLockMs) }),
  ...(maxNewRows === undefined ? {} : { newRows: numberOf("--max-new-rows", maxNewRows) }),
});

function numberOf(flag: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw new InvalidInput("config-invalid", `${flag}: it is not a number from 0 to ${most}`, {
    hint: `Write it in digits, such as ${flag} 100`,
  });
}

async function freshOf(path: string, flags: FolderFlags): Promise<FreshInstallation> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return { file: path, scripts: (await setOf(path, flags)).migrations };
  if (found?.isFile() !== true)
    throw new InvalidInput("fresh-unreadable", `There is no file or folder at ${path}`, {
      hint: "Name an SQL file with the whole schema, or a folder of migrations",
    });
  const up = await readFile(path, "utf8");
  const name = basename(path);
  return { file: path, scripts: [{ version: name, name, up, transaction: "required" }] };
}
