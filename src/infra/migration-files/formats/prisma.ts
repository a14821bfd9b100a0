import { assemble, type NamedFile } from "../assemble.ts";
import { certainly, likely, type MigrationFormat } from "../migration-format.ts";
import { textOrdered } from "../order.ts";
import { prismaChecksum } from "../tool-checksums.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

const FILE = /^(\d+_[^/]+|[^/]+)\/(migration|down)\.sql$/;
const LOCK = "migration_lock.toml";

/** Prisma Migrate: a folder for each migration with migration.sql, in plain order of their names. */
export const prismaFormat: MigrationFormat = {
  name: "prisma",
  recognise: async (folder) => {
    const found = folder.files.find((file) => /^\d[^/]*\/migration\.sql$/.test(file));
    if (found === undefined) return undefined;
    if (folder.has(LOCK)) return certainly(`${LOCK} and ${found}`);
    return likely(`folders with migration.sql, such as ${found}, as those of Prisma`);
  },
  read: async (folder) => {
    const { migrations, unmatched } = await assemble(folder, nameOf, (migration) =>
      withTransaction(
        {
          ...migration,
          name: migration.name.replace(/^\d+ /, "") || migration.version,
          origin: {
            version: null,
            name: migration.version,
            checksum: prismaChecksum(migration.up),
          },
        },
        undefined,
      ),
    );
    return {
      migrations: textOrdered(migrations),
      unmatched: unmatched.filter(({ file }) => file !== LOCK),
    };
  },
};

function nameOf(file: string): NamedFile | { readonly reason: string } {
  const [, version, script] = FILE.exec(file) ?? [];
  if (version === undefined)
    return { reason: whyNot(file, "it is no migration.sql in a migration's folder") };
  return { file, version, name: version, role: script === "down" ? "down" : "up" };
}
