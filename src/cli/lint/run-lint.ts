import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Linted, LintRequest } from "../../domain/lint/lint-request.ts";
import { lintSettings } from "../../domain/lint/settings.ts";
import {
  inputOf,
  type FileMigration,
  type MigrationSet,
} from "../../domain/migration/migration-source.ts";
import { compareMigrations } from "../../domain/migration/migration-order.ts";
import { InvalidInput, Refused } from "../../domain/shared/errors.ts";
import { ProcessExecutor } from "../../infra/executor/process-executor.ts";
import { withScratchDirectory } from "../../infra/files/scratch-directory.ts";
import {
  parsedConfig,
  readFolderConfig,
  type FolderConfig,
} from "../../infra/migration-files/folder-config.ts";
import { MigrationFolder } from "../../infra/migration-files/migration-folder.ts";
import { workingCopy } from "../../infra/sqlite/working-copy.ts";

export interface LintOrder {
  readonly directory: string;
  readonly set: MigrationSet;
  /** A database file whose copy the migrations run on. */
  readonly database?: string;
  /** Versions that the database has already. */
  readonly applied: ReadonlySet<string>;
  /** The file of settings, if it is not the folder's. */
  readonly config?: string;
  /** Code in the folder may be run, with the rights of this process. */
  readonly allowCode?: boolean;
  /** Only what comes after this version is reported. */
  readonly since?: string;
  /** Ends it, whatever statement it is in; rejects with its reason. */
  readonly signal: AbortSignal;
}

/** Has the migrations run on a scratch database, in a process of its own, and judged by what was seen. */
export async function runLint(order: LintOrder): Promise<Linted> {
  const { set, applied } = order;
  const settings = (await configOf(order))["lint"];
  // What is wrong with them is said before anything runs.
  lintSettings(settings);
  const pending = set.migrations.filter(
    ({ version, baseline }) => !applied.has(version) && baseline !== true,
  );
  if (order.allowCode !== true) pending.forEach(refuseUnasked);
  const reported = reportedOf(set, pending, order.since);
  const texts = await textsOf(order.directory, pending);
  return withScratchDirectory(async (directory) => {
    const scratchPath = join(directory, "scratch.db");
    if (order.database === undefined) closeSync(openSync(scratchPath, "w", 0o600));
    else await workingCopy(order.database, scratchPath);
    const migrations = pending.map((one) => Object.assign(inputOf(one), { file: one.files[0]! }));
    const measured = order.database !== undefined;
    const request = { scratchPath, migrations, texts, reported, settings, measured };
    return inChild(request, order.signal);
  });
}

/** A statement that never ends, or ends the process, is a child's: this one answers Ctrl-C. */
async function inChild(request: LintRequest, signal: AbortSignal): Promise<Linted> {
  signal.throwIfAborted();
  const executor = new ProcessExecutor({ spare: 0 });
  const stop = (): void => executor.killAll("the command was stopped");
  signal.addEventListener("abort", stop, { once: true });
  try {
    const url = request.scratchPath;
    const target = { engine: "sqlite", url, databaseId: "", origin: "", incarnation: "" } as const;
    const host = { onProgress: () => undefined, onTablesSaved: () => Promise.resolve() };
    const session = await executor.open(target, host);
    try {
      return await session.engine.lint(request);
    } finally {
      await session.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    await executor.close();
  }
}

/** The folder's, or the file that takes its place. */
const configOf = ({ directory, config }: LintOrder): Promise<FolderConfig> =>
  config === undefined
    ? readFolderConfig(directory)
    : readFile(config, "utf8").then((text) => parsedConfig(config, text));

/** Looking at a folder must not run its programs. Error: Refused code-not-allowed. */
function refuseUnasked({ version, language, functions }: FileMigration): void {
  if (language === undefined && functions === undefined) return;
  throw new Refused(
    "code-not-allowed",
    `Version ${version} brings code, which lint runs only when asked`,
    {
      hint: "If you trust what is in the folder: --allow-code",
    },
  );
}

/** Error: InvalidInput version-not-registered. */
function reportedOf(
  { migrations }: MigrationSet,
  pending: readonly FileMigration[],
  since: string | undefined,
): string[] {
  if (since === undefined) return pending.map(({ version }) => version);
  const from = migrations.find(({ version }) => version === since);
  if (from === undefined)
    throw new InvalidInput("version-not-registered", `There is no version ${since}`, {
      hint: "Name the version of a file",
    });
  return pending.filter((one) => compareMigrations(one, from) > 0).map(({ version }) => version);
}

async function textsOf(
  directory: string,
  migrations: readonly FileMigration[],
): Promise<{ [file: string]: string }> {
  const folder = MigrationFolder.open(directory);
  const files = new Set(migrations.map((one) => one.files[0]!));
  const texts: { [file: string]: string } = {};
  for (const file of files) texts[file] = await folder.text(file);
  return texts;
}
