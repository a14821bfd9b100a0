import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checksumOf } from "../../domain/migration/migration.ts";
import type { FileMigration } from "../../domain/migration/migration-source.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { MIGRATION_NAMESPACE, migrationStatement } from "../../domain/trust/statements.ts";
import { FolderMigrationSource } from "../../infra/migration-files/folder-migration-source.ts";
import { NodeDigest } from "../../infra/signing/node-digest.ts";
import { defineCommand } from "../command.ts";
import { sshSign } from "../ssh-sign.ts";

interface SignOptions {
  readonly of?: string;
  readonly key?: string;
}

export const command = defineCommand<SignOptions>({
  arguments: [{ name: "<dir>", description: "the folder with the migration files" }],
  options: [
    { flags: "--of <version>", description: "only this version" },
    {
      flags: "--key <file>",
      description: "sign with this SSH key (private, or public with an agent); needs ssh-keygen",
    },
  ],
  format: "sign/1",
  members: {
    items: "`{version, statement, file}`; `file` is the signature's, null if none was made",
  },
  examples: [
    "schemaledger sign ./migrations --key ~/.ssh/id_ed25519",
    "schemaledger sign ./migrations --of 7 > statement",
  ],
  details:
    "Signs what has no signature yet. Without --key it prints the text to be signed, for other tools.\n",
  run: async ({ args, options, out }) => {
    const [dir] = args as [string];
    const { migrations } = await new FolderMigrationSource(dir).read();
    const chosen = migrations.filter(({ version }) => (options.of ?? version) === version);
    if (options.of !== undefined && chosen.length === 0)
      throw new InvalidInput("version-not-registered", `There is no version ${options.of}`, {
        hint: "Name the version of a file",
      });
    const { key } = options;
    if (key === undefined && chosen.length > 1 && !out.json)
      throw new InvalidInput(
        "version-missing",
        "The texts of several versions would run together",
        {
          hint: "Name one with --of, or sign them with --key",
        },
      );
    const items: { version: string; statement: string; file: string | null }[] = [];
    for (const migration of chosen) {
      const statement = statementOf(migration);
      const file =
        key === undefined || migration.signature !== undefined
          ? null
          : await write(
              join(dir, `${upFile(migration)}.sig`),
              await sshSign(key, statement, MIGRATION_NAMESPACE),
            );
      items.push({ version: migration.version, statement, file });
    }
    out.result({ items }, () => {
      if (key === undefined) out.line(items.map(({ statement }) => statement.trimEnd()).join("\n"));
      else
        for (const { version, file } of items)
          out.line(file ?? `Version ${version} has a signature already`);
    });
  },
});

function statementOf(migration: FileMigration): string {
  return migrationStatement({ ...migration, checksum: checksumOf(migration, new NodeDigest()) });
}

const upFile = ({ files }: FileMigration): string =>
  files.find((file) => !/\.(down|verify)\./.test(file)) ?? files[0]!;

/** `wx`: what is there already is never overwritten. */
async function write(file: string, signature: string): Promise<string> {
  await writeFile(file, signature, { flag: "wx" });
  return file;
}
