import type { MigrationInput } from "../migration/migration.ts";
import type { LintedStep } from "./facts.ts";
import { lint, type LintFinding, type PlacedStep } from "./lint.ts";
import { placesIn } from "./places.ts";
import { lintSettings } from "./settings.ts";
import { suppressionsIn, type Suppression } from "./suppressions.ts";

/** Migrations to be run on a scratch database, one after another, and judged by what was seen. */
export interface LintRequest {
  /** The file to run them on; nobody else has it. */
  readonly scratchPath: string;
  readonly migrations: readonly MigrationToLint[];
  /** By file: what is written there. */
  readonly texts: { readonly [file: string]: string };
  /** Versions whose findings are wanted. */
  readonly reported: readonly string[];
  /** The member `lint` of the configuration. */
  readonly settings: unknown;
  /** The scratch database is a copy of a real one: numbers of rows say something. */
  readonly measured: boolean;
}

export interface MigrationToLint extends MigrationInput {
  /** Where it is written. */
  readonly file: string;
}

export interface Linted {
  readonly findings: readonly LintFinding[];
  /** Versions that were looked at, and those that could not be because an earlier one fails. */
  readonly linted: readonly string[];
  readonly notLinted: readonly string[];
}

/** What is to be said of steps that were seen; there are fewer than migrations where one failed. */
export function judge(steps: readonly LintedStep[], request: LintRequest): Linted {
  const { migrations, texts, settings, measured } = request;
  const reported = new Set(request.reported);
  const shown = placesOf(steps, request).filter(({ step }) => reported.has(step.version));
  const done = new Set(steps.map(({ version }) => version));
  return {
    findings: lint(shown, lintSettings(settings), suppressionsOf(shown, texts), measured),
    linted: shown.map(({ step }) => step.version),
    notLinted: migrations.map(({ version }) => version).filter((version) => !done.has(version)),
  };
}

function placesOf(steps: readonly LintedStep[], { migrations, texts }: LintRequest): PlacedStep[] {
  const ends = new Map<string, number>();
  return steps.map((step, at) => {
    const { file } = migrations[at]!;
    const { lines, end } = placesIn(texts[file]!, step.statements, ends.get(file));
    ends.set(file, end);
    return { step, file, lines };
  });
}

function suppressionsOf(
  placed: readonly PlacedStep[],
  texts: LintRequest["texts"],
): Map<string, Suppression[]> {
  const first = new Map<string, number>();
  for (const { file, lines } of placed)
    for (const line of lines.values()) first.set(file, Math.min(line, first.get(file) ?? line));
  const files = new Set(placed.map(({ file }) => file));
  return new Map([...files].map((file) => [file, suppressionsIn(texts[file]!, first.get(file))]));
}
