import { assemble, type NamedFile } from "../assemble.ts";
import { likely, type MigrationFormat } from "../migration-format.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

/** `0.22/03__name.sql`, `1.10.2/1_name.sql`. */
const FILE = /^v?(\d+(?:\.\d+)+)\/(\d+)(?:__?|-)(.+)\.sql$/;

/** A folder for each release, with numbered scripts in it: 0.9 comes before 0.10. */
export const semverFoldersFormat: MigrationFormat = {
  name: "semver-folders",
  recognise: async (folder) => {
    const found = folder.files.find((file) => FILE.test(file));
    return found === undefined
      ? undefined
      : likely(`a folder for each release with numbered scripts, such as ${found}`);
  },
  read: (folder) =>
    assemble(folder, nameOf, (migration) =>
      withTransaction(
        { ...migration, origin: { version: migration.version, name: migration.files[0]! } },
        undefined,
      ),
    ),
};

function nameOf(file: string): NamedFile | { readonly reason: string } {
  const [, release, number, name] = FILE.exec(file) ?? [];
  if (release === undefined)
    return { reason: whyNot(file, "its path is not RELEASE/NUMBER__name.sql") };
  return { file, version: `${release}.${number}`, name: name!, role: "up" };
}
