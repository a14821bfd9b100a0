import { existsSync } from "node:fs";
import { dialects, loadDialect } from "../../api/dialects.ts";
import type { EngineName } from "../../domain/database/events.ts";
import type { Dialect } from "../../domain/engine/dialect.ts";
import type { Finding } from "../../domain/migration/events.ts";
import type { FileMigration, MigrationSet } from "../../domain/migration/migration-source.ts";
import { highest } from "../../domain/migration/migration-order.ts";
import { NotFound } from "../../domain/shared/errors.ts";
import { NodeDigest } from "../../infra/signing/node-digest.ts";
import { placeOf, wantedDatabase } from "../../library/database-name.ts";
import type { DatabaseView, MigrationView } from "../../library/desk.ts";
import { requireKnown } from "../../library/migrate.ts";
import { compareFiles, type FileComparison } from "../../library/reconcile-files.ts";
import { LEFT_OUT_HINT, stepsLeftOut } from "../../library/left-out-steps.ts";
import { resolveSet } from "../../library/resolve-set.ts";
import { HttpDesk } from "../client/http-desk.ts";
import type { Call } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { toned, plain } from "../output.ts";
import type { SharedOptions } from "../shared-options.ts";

interface Options extends SharedOptions {
  readonly to?: string;
}

interface Known {
  readonly database: DatabaseView | undefined;
  readonly migrations: readonly MigrationView[];
  readonly isEmpty: () => boolean | Promise<boolean>;
}

/** Shows what `migrate` would register and apply. Nothing is changed anywhere. */
export async function dryRun(call: Call<Options>, read: MigrationSet): Promise<number> {
  const known = await knownOf(call);
  const { to } = call.options;
  const digest = new NodeDigest();
  const { migrations: registered, isEmpty } = known;
  const set = await resolveSet(read, { registered, isEmpty, digest });
  requireKnown({ set, ...(to === undefined ? {} : { to }) }, registered);
  const files = compareFiles(set.migrations, registered, digest, to);
  const steps = files.pending;
  const engine = engineOf(call.args[0]!, known.database);
  await loadDialect(engine);
  const analysed = steps.flatMap((step) => findingsOf(dialects(engine), step));
  const leftOut = stepsLeftOut(set, registered).map(({ file }) => ({
    severity: "error" as const,
    code: "steps-left-out",
    message: `${file} is a step that cannot be run, and would be left out`,
    hint: LEFT_OUT_HINT,
  }));
  const findings = [...leftOut, ...refusals(files, known), ...analysed];
  const document = {
    dryRun: true,
    database: known.database?.name ?? null,
    version: known.database?.version ?? null,
    steps: steps.map(({ version, name, files: from }) => ({ version, name, files: from })),
    register: files.fresh.map(({ version }) => version),
    registerAnew: files.edited.map(({ version }) => version),
    withdraw: files.gone.map(({ version }) => version),
    missingFiles: files.missing.map(({ version }) => version),
    unmatchedFiles: set.unmatched,
    grammar: set.format,
    recognisedBy: set.because,
    notes: steps.flatMap(({ version, notes = [] }) => notes.map((note) => ({ version, note }))),
    findings,
  };
  call.out.result(document, () => print(call, known, set, files, steps, findings));
  return findings.some(({ severity }) => severity === "error") ? EXIT.failed : EXIT.done;
}

/** Of a database that is not registered yet its place says it. */
function engineOf(text: string, database: DatabaseView | undefined): EngineName {
  const wanted = wantedDatabase(text);
  return database?.engine ?? ("name" in wanted ? "sqlite" : placeOf(wanted).engine);
}

async function knownOf(call: Call<Options>): Promise<Known> {
  // A database that is not registered yet is looked at when it is: until then only a file that is not there is.
  const isEmpty = (): boolean => !existsSync(call.args[0]!);
  try {
    const desk = new HttpDesk(await call.connect("read"));
    const wanted = wantedDatabase(call.args[0]!);
    const place = "name" in wanted ? undefined : placeOf(wanted).place;
    const database = (await desk.databases()).find((one) =>
      "name" in wanted ? one.name === wanted.name : one.url === place,
    );
    if (database === undefined) return { database, migrations: [], isEmpty };
    const { name } = database;
    return {
      database,
      migrations: await desk.migrations(name),
      isEmpty: () => desk.isEmpty(name),
    };
  } catch (error) {
    // Without a ledger everything is new.
    if (error instanceof NotFound && error.code === "data-directory-missing")
      return { database: undefined, migrations: [], isEmpty };
    throw error;
  }
}

/** What a run would be refused for. */
function refusals(files: FileComparison, { database, migrations }: Known): Finding[] {
  const applied = migrations.filter(({ state }) => state === "applied");
  const newest = highest(applied)?.version;
  return [
    ...files.changed.map(({ version }) => ({
      severity: "error" as const,
      code: "migration-changed",
      message: `Version ${version} is applied to ${database?.name}, and its file has changed since`,
      hint: "Put the applied text back and make the change in a new version",
    })),
    ...files.missing
      .filter(({ adopted }) => (adopted ?? null) === null && files.pending.length > 0)
      .map(({ version }) => ({
        severity: "error" as const,
        code: "migration-file-missing",
        message: `Version ${version} is applied, and the folder has no file of it`,
        hint: "Put the file back, or accept with a reason that it is gone",
      })),
    ...files.late.map(({ version }) => ({
      severity: "error" as const,
      code: "out-of-order",
      message: `Version ${version} is pending but ${newest} above it is applied`,
      hint: "Give the file a version above the applied ones",
    })),
  ];
}

function findingsOf(dialect: Dialect, migration: FileMigration): Finding[] {
  const { up, transaction = "required", allow = {}, version } = migration;
  const analysis = dialect.analyze({ sql: up, transaction, allow });
  const destroys = analysis.destroys.map((table) => ({
    severity: "info" as const,
    code: "table-backup",
    table,
    message: `Table ${table} is backed up before the step rebuilds, drops or deletes from it`,
  }));
  return [...analysis.findings, ...destroys].map((finding) =>
    Object.assign({}, finding, { message: `Version ${version}: ${finding.message}` }),
  );
}

function print(
  { out }: Call<Options>,
  { database }: Known,
  set: MigrationSet,
  files: FileComparison,
  steps: readonly FileMigration[],
  findings: readonly Finding[],
): void {
  const name = database === undefined ? "not registered yet" : database.name;
  out.facts([
    ["database", name],
    ["version", database?.version ?? "0 (before all)"],
    ["files", `${set.format} (${set.because})`],
    ["edited", files.edited.map(({ version }) => version).join(", ") || null],
    ["withdrawn", files.gone.map(({ version }) => version).join(", ") || null],
    ["without file", files.missing.map(({ version }) => version).join(", ") || null],
  ]);
  for (const { file, reason } of set.unmatched)
    out.line(`Not a migration: ${plain(file)} (${reason})`);
  out.line();
  if (steps.length === 0) out.line("Nothing to apply.");
  else
    out.table(
      ["version", "name", "down", "file"],
      steps.map((step) => [
        step.version,
        step.name,
        step.down === undefined ? "no" : "yes",
        step.files[0],
      ]),
    );
  for (const { severity, message, hint } of findings) {
    out.line(
      `${severityText(severity)} ${plain(message)}${hint === undefined ? "" : `\n  ${plain(hint)}`}`,
    );
  }
  out.line("\nDry run: nothing was changed.");
}

const severityText = (severity: Finding["severity"]): string =>
  toned(severity === "error" ? "bad" : severity === "warning" ? "warn" : "faint", `${severity}:`)
    .styled;
