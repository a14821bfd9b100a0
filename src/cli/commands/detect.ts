import type { FileMigration } from "../../domain/migration/migration-source.ts";
import { FolderMigrationSource } from "../../infra/migration-files/folder-migration-source.ts";
import { defineCommand } from "../command.ts";
import { FOLDER_OPTIONS, folderOptions, type FolderFlags } from "../migrate/folder-options.ts";
import { plain } from "../output.ts";

export const command = defineCommand<FolderFlags>({
  arguments: [{ name: "<dir>", description: "the folder with the migration files" }],
  options: FOLDER_OPTIONS,
  format: "detect/1",
  members: {
    grammar: "name of the format",
    recognisedBy: "by what it was recognised",
    migrations:
      "`{version, name, files, down, verify, transaction, repeatable, onChange, baseline, origin, notes}` in order; `origin` is how the tool names it, with its checksum",
    unmatchedFiles: "`{file, reason}` of files that are no migrations",
  },
  examples: [
    "schemaledger detect ./migrations",
    "schemaledger detect ./db/migrate --format goose --placeholder SCHEMA=main",
  ],
  details:
    "Nothing is executed and no database is looked at. Where two tools might be meant it is refused with what\n" +
    "speaks for each; --format decides.\n",
  run: async ({ args, options, out }) => {
    const set = await new FolderMigrationSource(args[0]!, folderOptions(options)).read();
    const { migrations, unmatched, format, because } = set;
    const document = {
      grammar: format,
      recognisedBy: because,
      migrations: migrations.map(shown),
      unmatchedFiles: unmatched,
    };
    out.result(document, () => {
      out.facts([
        ["format", format],
        ["recognised by", because],
        ["migrations", String(migrations.length)],
      ]);
      out.table(
        ["version", "name", "down", "kind", "file"],
        migrations.map((one) => [
          one.version,
          one.name,
          one.down === undefined ? "no" : "yes",
          kindOf(one),
          one.files[0],
        ]),
      );
      for (const { version, notes = [] } of migrations)
        for (const note of notes) out.line(`Version ${version}: ${plain(note)}`);
      for (const { file, reason } of unmatched)
        out.line(`Not a migration: ${plain(file)} (${reason})`);
    });
  },
});

const shown = (migration: FileMigration): object => {
  const { up: _up, down, verify, source: _source, ...rest } = migration;
  return { ...rest, down: down !== undefined, verify: verify !== undefined };
};

function kindOf({ baseline, repeatable, onChange, transaction }: FileMigration): string {
  if (baseline === true) return "baseline";
  if (repeatable === true) return "repeatable";
  if (onChange === true) return "on change";
  return transaction === "none" ? "no transaction" : "";
}
