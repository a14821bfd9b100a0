import { assemble, type NamedFile, type Role } from "../assemble.ts";
import { certainly, type MigrationFormat } from "../migration-format.ts";
import type { MigrationFolder } from "../migration-folder.ts";
import { textOrdered } from "../order.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

const FILE = /^([^/]+)\/(up|down)\.sql$/;
const OPT_OUT = /^\s*run_in_transaction\s*=\s*false\b/m;

/** Diesel: a folder for each migration with up.sql and down.sql, in plain order of their names. */
export const dieselFormat: MigrationFormat = {
  name: "diesel",
  recognise: async (folder) => {
    const found = folder.files.find((file) => /^\d[^/]*\/up\.sql$/.test(file));
    return found === undefined
      ? undefined
      : certainly(`folders with up.sql and down.sql, such as ${found}`);
  },
  read: async (folder) => {
    const { migrations, unmatched } = await assemble(folder, nameOf, async (migration) =>
      withTransaction(
        {
          ...migration,
          name: migration.name.replace(/^[\d-]+ /, "") || migration.version,
          origin: {
            version: migration.version.split("_")[0]!.replaceAll("-", ""),
            name: migration.version,
          },
        },
        await optOutOf(folder, migration.version),
      ),
    );
    return {
      migrations: textOrdered(migrations, withoutDashes),
      unmatched: unmatched.filter(({ file }) => !METADATA.test(file)),
    };
  },
};

/** Both forms of time stamps stand in one folder: `20170517175801_a` is before `2017-09-23-182408_b`. */
const withoutDashes = (version: string): string =>
  version.replace(/^[\d-]+/, (stamp) => stamp.replaceAll("-", ""));

/** Read with its migration. */
const METADATA = /^[^/]+\/metadata\.toml$/;

async function optOutOf(folder: MigrationFolder, version: string): Promise<string | undefined> {
  const file = `${version}/metadata.toml`;
  if (!folder.has(file)) return undefined;
  return OPT_OUT.test(await folder.text(file)) ? "run_in_transaction = false" : undefined;
}

function nameOf(file: string): NamedFile | { readonly reason: string } {
  const [, version, role] = FILE.exec(file) ?? [];
  if (version === undefined)
    return { reason: whyNot(file, "it is no up.sql or down.sql in a migration's folder") };
  return { file, version, name: version, role: role as Role };
}
