import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { LintFinding } from "../../domain/lint/lint.ts";
import type { Linted } from "../../domain/lint/lint-request.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { FOLDER_OPTIONS, folderOptions, type FolderFlags } from "../migrate/folder-options.ts";
import { plain, tone, toned, type Output } from "../output.ts";
import type { SharedOptions } from "../shared-options.ts";

export interface LintOptions extends FolderFlags, SharedOptions {
  readonly database?: string;
  readonly since?: string;
  readonly allowCode?: boolean;
  readonly failOn?: string;
  readonly report?: string;
  readonly reportFile?: string;
}

const RANKS = ["info", "warning", "error"];

export const command = defineCommand<LintOptions>({
  arguments: [{ name: "<dir>", description: "the folder with the migration files" }],
  options: [
    ...FOLDER_OPTIONS,
    {
      flags: "--database <database>",
      description: "run on a copy of this database: a file, or a registered name",
    },
    { flags: "--allow-code", description: "run migrations that are programs, too" },
    { flags: "--since <version>", description: "report only what comes after this version" },
    {
      flags: "--fail-on <severity>",
      description: "exit with 1 from this severity on",
      choices: ["error", "warning", "info", "never"],
      default: "error",
    },
    {
      flags: "--report <kind>",
      description: "print SARIF 2.1.0, or annotations of GitHub Actions",
      choices: ["sarif", "github"],
    },
    { flags: "--report-file <file>", description: "write the report there instead" },
  ],
  ledger: true,
  format: "lint/1",
  members: {
    findings:
      "`{rule, severity, message, hint?, version, file, line, suppressed?}`; `suppressed` (`reason`, `in`) does not count",
    linted: "versions that were looked at",
    notLinted: "versions behind one that fails",
    unmatchedFiles: "`{file, reason}` of files that are no migrations",
  },
  examples: [
    "schemaledger lint ./migrations",
    "schemaledger lint ./migrations --database shop.db --fail-on warning",
    "schemaledger lint ./migrations --since 41 --report sarif --report-file lint.sarif",
  ],
  details:
    "Every migration is run on a scratch database, empty or a copy, and judged by what SQLite did. A line\n" +
    "-- schemaledger:lint-ignore RULE because REASON passes over what the next statement does, or at the\n" +
    "head of a file all of it. Severities are set in schemaledger.config.json (docs/reference/lint.md).\n",
  run: async (call) => {
    const { args, options, out, signal } = call;
    const { FolderMigrationSource } =
      await import("../../infra/migration-files/folder-migration-source.ts");
    const set = await new FolderMigrationSource(args[0]!, folderOptions(options)).read();
    const [{ runLint }, { databaseToLint }] = await Promise.all([
      import("../lint/run-lint.ts"),
      import("../lint/database-to-lint.ts"),
    ]);
    const { since, allowCode, config } = options;
    const linted = await runLint({
      directory: args[0]!,
      set,
      signal,
      ...(await databaseToLint(call, set)),
      ...(since === undefined ? {} : { since }),
      ...(allowCode === undefined ? {} : { allowCode }),
      ...(config === undefined ? {} : { config }),
    });
    await report(linted, args[0]!, options, out, set.unmatched);
    const rank = RANKS.indexOf(options.failOn ?? "error");
    const counts = ({ severity, suppressed }: LintFinding): boolean =>
      suppressed === undefined && rank >= 0 && RANKS.indexOf(severity) >= rank;
    return linted.findings.some(counts) ? EXIT.failed : EXIT.done;
  },
});

async function report(
  linted: Linted,
  directory: string,
  { report: kind, reportFile }: LintOptions,
  out: Output,
  unmatchedFiles: readonly object[],
): Promise<void> {
  const text = kind === undefined ? undefined : await reportText(kind, linted, directory);
  if (text !== undefined && reportFile === undefined) {
    process.stdout.write(text);
    return;
  }
  if (text !== undefined) writeFileSync(reportFile!, text);
  out.result({ ...linted, unmatchedFiles }, () => print(out, linted));
}

async function reportText(kind: string, { findings }: Linted, directory: string): Promise<string> {
  const folder = relative(process.cwd(), directory);
  if (kind === "sarif") {
    const { sarifOf } = await import("../lint/sarif.ts");
    return `${JSON.stringify(sarifOf(findings, folder), null, 2)}\n`;
  }
  const { githubAnnotations } = await import("../lint/github.ts");
  return githubAnnotations(findings, folder)
    .map((line) => `${line}\n`)
    .join("");
}

function print(out: Output, { findings, linted, notLinted }: Linted): void {
  const open = findings.filter(({ suppressed }) => suppressed === undefined);
  for (const { severity, rule, message, hint, file, line } of open) {
    const style = severity === "error" ? "bad" : severity === "warning" ? "warn" : "faint";
    out.line(
      `${plain(file)}:${line} ${toned(style, severity).styled} ${plain(message)} (${rule})${hint === undefined ? "" : `\n  ${plain(hint)}`}`,
    );
  }
  if (notLinted.length > 0)
    out.line(`Not looked at, because an earlier one fails: ${notLinted.join(", ")}`);
  const suppressed = findings.length - open.length;
  const passed = suppressed === 0 ? "" : `, ${suppressed} suppressed with a reason`;
  const many = (severity: string, word: string): string => {
    const count = open.filter((one) => one.severity === severity).length;
    return `${count} ${word}${count === 1 ? "" : "s"}`;
  };
  const good = open.every(({ severity }) => severity === "info");
  out.line(
    `${tone(good ? "good" : "warn", "Linted:")} ${linted.length} ${linted.length === 1 ? "migration" : "migrations"}: ${many("error", "error")}, ${many("warning", "warning")}, ${many("info", "note")}${passed}`,
  );
}
