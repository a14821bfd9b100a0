import { assemble, type NamedFile, type Role } from "../assemble.ts";
import { likely, type MigrationFormat } from "../migration-format.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

/** The tool's own pattern, with any ending in place of any at all: `30_name.up..sql` is one, too. */
const FILE = /^([0-9]+)_(.*)\.(down|up)\.(.*)$/;

/** golang-migrate: numbered pairs of `.up.sql` and `.down.sql`, in the order of their numbers. */
export const golangMigrateFormat: MigrationFormat = {
  name: "golang-migrate",
  recognise: async (folder) => {
    const named = folder.files.filter((file) => "version" in nameOf(file));
    const isOther = (file: string): boolean =>
      /^[V\d]/.test(file) && file.endsWith(".sql") && !FILE.test(file);
    return named.length > 0 && !folder.files.some(isOther)
      ? likely(`numbered scripts with .up.sql and .down.sql, such as ${named[0]}`)
      : undefined;
  },
  read: (folder) =>
    assemble(folder, nameOf, (migration) =>
      withTransaction(
        {
          ...migration,
          origin: { version: String(BigInt(migration.version)), name: migration.name },
        },
        undefined,
      ),
    ),
};

function nameOf(file: string): NamedFile | { readonly reason: string } {
  const [, version, name, role, ending] = FILE.exec(file) ?? [];
  if (version === undefined || !ending!.endsWith("sql"))
    return {
      reason: file.includes("/")
        ? "it lies in a folder below"
        : whyNot(file, "its name is not NUMBER_name.up.sql or NUMBER_name.down.sql"),
    };
  return { file, version, name: name!, role: role as Role };
}
