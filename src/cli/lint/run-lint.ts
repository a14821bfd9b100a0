import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lint, type LintFinding, type PlacedStep } from "../../domain/lint/lint.ts";
import { placesIn } from "../../domain/lint/places.ts";
import { lintSettings } from "../../domain/lint/settings.ts";
import { suppressionsIn, type Suppression } from "../../domain/lint/suppressions.ts";
import type { FileMigration, MigrationSet } from "../../domain/migration/migration-source.ts";
import { compareMigrations } from "../../domain/migration/migration-order.ts";
import { InvalidInput, Refused } from "../../domain/shared/errors.ts";
import {
  parsedConfig,
  readFolderConfig,
  type FolderConfig,
} from "../../infra/migration-files/folder-config.ts";
import { MigrationFolder } from "../../infra/migration-files/migration-folder.ts";
import { lintRun } from "../../infra/sqlite/lint/lint-run.ts";
import { copyOf } from "./database-copy.ts";

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
}

export interface Linted {
  readonly findings: readonly LintFinding[];
  /** Versions that were looked at, and those that could not be because an earlier one fails. */
  readonly linted: readonly string[];
  readonly notLinted: readonly string[];
}

/** Runs the migrations on a scratch database and judges what was seen. */
export async function runLint(order: LintOrder): Promise<Linted> {
  const { directory, set, applied, since } = order;
  const settings = lintSettings((await configOf(order))["lint"]);
  const scratch = mkdtempSync(join(tmpdir(), "schemaledger-lint-"));
  try {
    const path = join(scratch, "scratch.db");
    if (order.database === undefined) closeSync(openSync(path, "w", 0o600));
    else await copyOf(order.database, path);
    const pending = set.migrations.filter(
      ({ version, baseline }) => !applied.has(version) && baseline !== true,
    );
    if (order.allowCode !== true) pending.forEach(refuseUnasked);
    const steps = await lintRun(path, pending);
    const reported = new Set(reportedOf(set, pending, since));
    const { placed, texts } = await places(directory, pending, steps);
    const shown = placed.filter(({ step }) => reported.has(step.version));
    const suppressions = suppressionsOf(shown, texts);
    const findings = lint(shown, settings, suppressions, order.database !== undefined);
    const linted = shown.map(({ step }) => step.version);
    const done = new Set(steps.map(({ version }) => version));
    const notLinted = pending.map(({ version }) => version).filter((version) => !done.has(version));
    return { findings, linted, notLinted };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
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

async function places(
  directory: string,
  migrations: readonly FileMigration[],
  steps: Awaited<ReturnType<typeof lintRun>>,
): Promise<{ placed: PlacedStep[]; texts: ReadonlyMap<string, string> }> {
  const folder = MigrationFolder.open(directory);
  const texts = new Map<string, string>();
  const ends = new Map<string, number>();
  const placed: PlacedStep[] = [];
  for (const [at, step] of steps.entries()) {
    const file = migrations[at]!.files[0]!;
    const text = texts.get(file) ?? (await folder.text(file));
    texts.set(file, text);
    const { lines, end } = placesIn(text, step.statements, ends.get(file));
    ends.set(file, end);
    placed.push({ step, file, lines });
  }
  return { placed, texts };
}

function suppressionsOf(
  placed: readonly PlacedStep[],
  texts: ReadonlyMap<string, string>,
): Map<string, Suppression[]> {
  const first = new Map<string, number>();
  for (const { file, lines } of placed)
    for (const line of lines.values()) first.set(file, Math.min(line, first.get(file) ?? line));
  const files = new Set(placed.map(({ file }) => file));
  return new Map(
    [...files].map((file) => [file, suppressionsIn(texts.get(file)!, first.get(file))]),
  );
}
