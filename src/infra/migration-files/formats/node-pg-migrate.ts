import type { FileMigration } from "../../../domain/migration/migration-source.ts";
import { assemble, nameOf as readable, type NamedFile } from "../assemble.ts";
import { directivesOf } from "../directives.ts";
import { certainly, type MigrationFormat } from "../migration-format.ts";
import { compareMigrations } from "../../../domain/migration/migration-order.ts";
import { sectionsOf, type ReadMark } from "../sections.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

const FILE = /^((\d+)[_-](.+))\.sql$/;
const MARK = /^\s*--[\s-]*(up|down)\s+migration/i;

/** node-pg-migrate in SQL: one file with `-- Up Migration` and `-- Down Migration`. */
export const nodePgMigrateFormat: MigrationFormat = {
  name: "node-pg-migrate",
  recognise: async (folder) => {
    const found = (await folder.peek((file) => FILE.test(file))).find(({ text }) =>
      /^\s*--[\s-]*up\s+migration/im.test(text),
    );
    return found === undefined ? undefined : certainly(`-- Up Migration in ${found.file}`);
  },
  read: async (folder) => {
    const { migrations, unmatched } = await assemble(folder, nameOf, divided, {
      // Its own JavaScript is written for another interface.
      code: false,
    });
    return { migrations: migrations.toSorted(compareMigrations), unmatched };
  },
};

function divided(migration: FileMigration): FileMigration {
  const [file] = migration.files;
  const { up, down } = sectionsOf(migration.up, readMark);
  const [, , stamp, name] = FILE.exec(file!)!;
  // Without a mark, all of it is the up script.
  const text = up?.text ?? (down === undefined ? migration.up : "");
  return withTransaction(
    {
      ...migration,
      name: readable(name!, migration.version),
      up: text,
      ...(down === undefined ? {} : { down: down.text }),
      ...directivesOf(file!, text),
      ...orderOf(stamp!),
      origin: { version: null, name: migration.version },
    },
    undefined,
  );
}

/** Time stamps of 17 digits are a date and time; the tool compares them with those in ms. */
function orderOf(stamp: string): { readonly order?: string } {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(stamp);
  if (parts === null) return {};
  const [year, month, day, hour, minute, second, ms] = parts.slice(1).map(Number);
  return { order: String(Date.UTC(year!, month! - 1, day, hour, minute, second, ms)) };
}

const readMark: ReadMark = (line) => {
  const [, part] = MARK.exec(line) ?? [];
  return part === undefined
    ? undefined
    : { part: part.toLowerCase() as "up" | "down", options: "" };
};

function nameOf(file: string): NamedFile | { readonly reason: string } {
  const [, version] = FILE.exec(file) ?? [];
  if (version === undefined || file.includes("/"))
    return { reason: whyNot(file, "its name is not TIMESTAMP_name.sql") };
  return { file, version, name: version, role: "up" };
}
