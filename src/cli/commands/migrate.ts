import type { Migrated } from "../../library/migrate.ts";
import { defineCommand, type Call } from "../command.ts";
import { CONSENT_OPTIONS, type ConsentFlags } from "../consent-options.ts";
import { EXIT } from "../exit-codes.ts";
import { tone } from "../output.ts";
import { FOLDER_OPTIONS, folderOptions, type FolderFlags } from "../migrate/folder-options.ts";
import { earlyExecutor } from "../migrate/early-executor.ts";
import { Progress } from "../progress.ts";
import type { SharedOptions } from "../shared-options.ts";

interface MigrateOptions extends SharedOptions, FolderFlags, ConsentFlags {
  readonly to?: string;
  readonly reason?: string;
  readonly ticket?: string;
  readonly dryRun?: boolean;
}

export const command = defineCommand<MigrateOptions>({
  arguments: [
    {
      name: "<database>",
      description:
        "a database file, made if it is missing, the url of a PostgreSQL database, or a registered name",
    },
    { name: "<dir>", description: "the folder with the migration files" },
  ],
  options: [
    { flags: "--to <version>", description: "stop at this version (default: the newest)" },
    { flags: "--reason <text>", description: "why, for the record" },
    { flags: "--ticket <id>", description: "ticket or change request, for the record" },
    ...CONSENT_OPTIONS,
    { flags: "--dry-run", description: "show what would be done and change nothing" },
    ...FOLDER_OPTIONS,
  ],
  ledger: true,
  format: "migrate/1",
  members: {
    database: "its registered name",
    outcome: "`applied`, `nothing-to-do` or `waiting` (for an approval or its time; exit code 3)",
    version: "the highest applied version, or null",
    applied: "`{version, name}` of what this run applied",
    unmatchedFiles: "`{file, reason}` of files that are no migrations",
    run: "the run as `GET /v1/runs/{run}` gives it; null where there was nothing to do",
  },
  examples: [
    "schemaledger migrate shop.db ./migrations",
    'schemaledger migrate shop.db ./migrations --to 7 --reason "Release 1.4" --ticket OPS-12',
    "schemaledger migrate shop.db ./migrations --dry-run",
    "schemaledger migrate postgres://ledger@db.example/shop ./migrations",
  ],
  details:
    "The files of many tools are read as they are; `schemaledger detect` shows how. A file that means to lose\n" +
    "rows says so at its head: -- schemaledger:allow-row-loss TABLE, TABLE\n",
  run: async (call) => {
    const isDry = call.options.dryRun === true;
    const executor = isDry ? undefined : earlyExecutor(call.options);
    const { FolderMigrationSource } =
      await import("../../infra/migration-files/folder-migration-source.ts");
    const set = await new FolderMigrationSource(call.args[1]!, folderOptions(call.options)).read();
    if (isDry) {
      const { dryRun } = await import("../migrate/dry-run.ts");
      return dryRun(call, set);
    }
    const { migrateWhere } = await import("../migrate/migrate-where.ts");
    const progress = new Progress(call.out);
    try {
      const migrated = await migrateWhere(call, set, progress.hear, executor);
      progress.end();
      return report(call, migrated, set);
    } finally {
      progress.end();
    }
  },
});

function report(
  { out }: Call<MigrateOptions>,
  migrated: Migrated,
  set: { readonly unmatched: readonly object[] },
): number {
  const { database, outcome, version, applied, run } = migrated;
  const document = { database, outcome, version, applied, unmatchedFiles: set.unmatched, run };
  out.result(document, () => out.line(summary(migrated)));
  return outcome === "waiting" ? EXIT.refused : EXIT.done;
}

function summary({ database, outcome, version, applied, run }: Migrated): string {
  switch (outcome) {
    case "applied": {
      const many = `${applied.length} ${applied.length === 1 ? "migration" : "migrations"}`;
      return `${tone("good", "Done:")} ${database} is at version ${version} (${many} applied, run ${run!.id})`;
    }
    case "nothing-to-do":
      return `${tone("good", "Nothing to do:")} ${database} is at version ${version ?? "0 (before all)"}`;
    case "waiting":
      return `${tone("warn", "Waiting:")} run ${run!.id} of ${database} is ${run!.status}; nothing was applied yet`;
  }
}
