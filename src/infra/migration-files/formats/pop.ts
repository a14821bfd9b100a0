import { assemble, type NamedFile, type Role } from "../assemble.ts";
import { dialectOf, isForeign } from "../dialect-variants.ts";
import { likely, type MigrationFormat } from "../migration-format.ts";
import { textOrdered } from "../order.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

/** `20240101120000_name.sqlite3.up.sql`, `20240101120000_name.up.sql`. */
const FILE = /^(\d+)_([^./]+)(?:\.([a-z0-9]+))?\.(up|down)\.sql$/;
const FIZZ = /^\d+_[^./]+(?:\.[a-z0-9]+)?\.(?:up|down)\.fizz$/;

/** pop (Buffalo): numbered pairs, with variants for single databases by a suffix. */
export const popFormat: MigrationFormat = {
  name: "pop",
  recognise: async (folder) => {
    const found = folder.files.find(
      (file) => FIZZ.test(file) || dialectOf(FILE.exec(file)?.[3] ?? "") !== undefined,
    );
    return found === undefined
      ? undefined
      : likely(`numbered pairs with the database's name or fizz, such as ${found}`);
  },
  read: async (folder) => {
    const variants = new Set(
      folder.files.filter((file) => dialectOf(FILE.exec(file)?.[3] ?? "") === "sqlite").map(keyOf),
    );
    const nameOf = (file: string): NamedFile | { readonly reason: string } => {
      const [, version, name, dialect, role] = FILE.exec(file) ?? [];
      if (version === undefined) return { reason: whyNot(file, PATTERN) };
      if (dialect === undefined && variants.has(keyOf(file)))
        return { reason: "its variant for sqlite is run in its place" };
      if (dialect !== undefined && isForeign(dialect)) return { reason: `it is for ${dialect}` };
      if (dialect !== undefined && dialectOf(dialect) === undefined) return { reason: PATTERN };
      return { file, version, name: name!, role: role as Role };
    };
    const { migrations, unmatched } = await assemble(folder, nameOf, (migration) =>
      withTransaction(
        { ...migration, origin: { version: migration.version, name: migration.name } },
        undefined,
      ),
    );
    return { migrations: textOrdered(migrations), unmatched };
  },
};

const PATTERN = "its name is not NUMBER_name.up.sql or NUMBER_name.sqlite3.up.sql";

/** The same for a script and its variants. */
function keyOf(file: string): string {
  const [, version, name, , role] = FILE.exec(file) ?? [];
  return `${version} ${name} ${role}`;
}
