import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compareVersions } from "../../domain/migration/version-order.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { exists } from "../../infra/files/exists.ts";
import { FolderMigrationSource } from "../../infra/migration-files/folder-migration-source.ts";
import { defineCommand } from "../command.ts";

export const command = defineCommand<{ readonly down?: boolean }>({
  arguments: [
    { name: "<dir>", description: "the folder with the migration files" },
    { name: "<name>", description: "what the migration does, in a few words" },
  ],
  options: [{ flags: "--down", description: "with a down script" }],
  format: "new/1",
  members: {
    files: "paths of the files made",
  },
  examples: ['schemaledger new ./migrations "create orders" --down'],
  run: async ({ args, options, out }) => {
    const [dir, name] = args as [string, string];
    await mkdir(dir, { recursive: true });
    const stem = `${await nextVersion(dir)}_${slug(name)}`;
    const files =
      options.down === true ? [`${stem}.up.sql`, `${stem}.down.sql`] : [`${stem}.up.sql`];
    // `wx`: what is there already is never overwritten.
    for (const file of files) await writeFile(join(dir, file), "", { flag: "wx" });
    const paths = files.map((file) => join(dir, file));
    out.result({ files: paths }, () => paths.forEach((path) => out.line(path)));
  },
});

/** One more than the highest, as wide as it. */
async function nextVersion(dir: string): Promise<string> {
  const newest = (await versions(dir)).toSorted(compareVersions).at(-1);
  if (newest === undefined) return "0001";
  if (!/^\d+$/.test(newest))
    throw new InvalidInput("version-not-counted", `After version ${newest} nobody knows the next`, {
      hint: "Make the file by hand, with a version above it",
    });
  return String(BigInt(newest) + 1n).padStart(newest.length, "0");
}

async function versions(dir: string): Promise<string[]> {
  if (!(await exists(dir))) return [];
  try {
    return (await new FolderMigrationSource(dir).read()).migrations.map(({ version }) => version);
  } catch (error) {
    if (error instanceof InvalidInput && error.code === "migrations-not-found") return [];
    throw error;
  }
}

function slug(name: string): string {
  const text = name
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, "_")
    .replaceAll(/^_+|_+$/g, "");
  if (text !== "" && text.length <= 100) return text;
  throw new InvalidInput("name-invalid", "The name is empty or longer than 100 characters", {
    hint: "Use a few words",
  });
}
