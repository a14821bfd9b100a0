import { assemble, type NamedFile, type Role } from "../assemble.ts";
import { likely, type MigrationFormat } from "../migration-format.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

/** `V1__create_orders.sql`, `V1.2__x.sql`, `V1_2__x.sql`. */
const VERSIONED = /^V(\d+(?:[._]\d+)*)__(.+?)(?:\.(up|down|verify))?\.sql$/;
/** `0001_create_orders.up.sql`, `001-create-orders.sql`, `20240101120000_x.down.sql`, `7.sql`. */
const NUMBERED = /^(\d+(?:\.\d+)*)(?:[._-]+(.+?))?(?:\.(up|down|verify))?\.sql$/;

/** Plain SQL files with the version in front; `.down.sql` and `.verify.sql` belong to their up. */
export const plainFormat: MigrationFormat = {
  name: "plain",
  recognise: async (folder) =>
    folder.files.some((file) => "version" in nameOf(file))
      ? likely("SQL files whose names begin with a version, as those of D1, sqlx and many more")
      : undefined,
  read: (folder) => assemble(folder, nameOf, (migration) => withTransaction(migration, undefined)),
};

function nameOf(file: string): NamedFile | { readonly reason: string } {
  const versioned = VERSIONED.exec(file);
  const [, version, name, role = "up"] = versioned ?? NUMBERED.exec(file) ?? [];
  if (version === undefined) return { reason: reasonFor(file) };
  return {
    file,
    version: versioned === null ? version : version.replaceAll("_", "."),
    name: name ?? version,
    role: role as Role,
  };
}

const reasonFor = (file: string): string =>
  file.includes("/")
    ? "it lies in a folder below"
    : whyNot(
        file,
        "its name does not begin with a version, as V1__name.sql, 0001_name.up.sql or 001-name.sql do",
      );
