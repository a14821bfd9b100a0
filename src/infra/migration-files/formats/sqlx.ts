import { assemble, type NamedFile, type Role } from "../assemble.ts";
import { certainly, type MigrationFormat } from "../migration-format.ts";
import { sqlxChecksum } from "../tool-checksums.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

const FILE = /^(\d+)_(.+?)(?:\.(up|down))?\.sql$/;
const NO_TRANSACTION = /^-- no-transaction/;

/** sqlx: `NUMBER_name.sql`, or pairs; one whose first line says so has no transaction. */
export const sqlxFormat: MigrationFormat = {
  name: "sqlx",
  recognise: async (folder) => {
    const found = (await folder.peek((file) => FILE.test(file))).find(({ text }) =>
      NO_TRANSACTION.test(text),
    );
    return found === undefined
      ? undefined
      : certainly(`-- no-transaction in the first line of ${found.file}`);
  },
  read: (folder) =>
    assemble(folder, nameOf, (migration) =>
      withTransaction(
        {
          ...migration,
          origin: {
            version: String(BigInt(migration.version)),
            name: migration.name,
            checksum: sqlxChecksum(migration.up),
          },
        },
        NO_TRANSACTION.test(migration.up) ? "-- no-transaction" : undefined,
      ),
    ),
};

function nameOf(file: string): NamedFile | { readonly reason: string } {
  const [, version, name, role = "up"] = FILE.exec(file) ?? [];
  if (version === undefined)
    return {
      reason: file.includes("/")
        ? "it lies in a folder below"
        : whyNot(file, "its name is not NUMBER_name.sql"),
    };
  return { file, version, name: name!, role: role as Role };
}
