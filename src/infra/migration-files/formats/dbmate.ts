import type { FileMigration } from "../../../domain/migration/migration-source.ts";
import { assemble, type NamedFile } from "../assemble.ts";
import { directivesOf } from "../directives.ts";
import { certainly, type MigrationFormat } from "../migration-format.ts";
import { withoutUp } from "../no-up.ts";
import { textOrdered } from "../order.ts";
import { sectionsOf, type ReadMark } from "../sections.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

const FILE = /^(\d+)(.*)\.sql$/;
const MARK = /^--\s*migrate:(up|down)(?:\s+(\S.*))?$/;

/** dbmate: one file with `-- migrate:up` and `-- migrate:down`, in plain order of versions. */
export const dbmateFormat: MigrationFormat = {
  name: "dbmate",
  recognise: async (folder) => {
    const found = (await folder.peek((file) => FILE.test(file))).find(({ text }) =>
      /^--\s*migrate:up\b/m.test(text),
    );
    return found === undefined ? undefined : certainly(`-- migrate:up in ${found.file}`);
  },
  read: async (folder) => {
    const { migrations, unmatched } = await assemble(folder, nameOf, divided);
    return { migrations: textOrdered(migrations), unmatched };
  },
};

function divided(migration: FileMigration): FileMigration {
  const [file] = migration.files;
  if (migration.language !== undefined) return migration;
  const { up, down } = sectionsOf(migration.up, readMark);
  if (up === undefined) throw withoutUp(file!, "-- migrate:up");
  return withTransaction(
    {
      ...migration,
      up: up.text,
      ...(down === undefined ? {} : { down: down.text }),
      ...directivesOf(file!, up.text),
      origin: { version: migration.version, name: file! },
    },
    /\btransaction:\s*false\b/.test(up.options) ? "transaction:false" : undefined,
  );
}

const readMark: ReadMark = (line) => {
  const [, part, options = ""] = MARK.exec(line) ?? [];
  return part === undefined ? undefined : { part: part as "up" | "down", options };
};

function nameOf(file: string): NamedFile | { readonly reason: string } {
  const [, version, name] = FILE.exec(file) ?? [];
  if (version === undefined || file.includes("/"))
    return { reason: whyNot(file, "its name does not begin with a number") };
  return { file, version, name: name!.replace(/^[_-]+/, ""), role: "up" };
}
