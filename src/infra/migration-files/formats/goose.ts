import type { FileMigration } from "../../../domain/migration/migration-source.ts";
import { assemble, type NamedFile } from "../assemble.ts";
import { directivesOf } from "../directives.ts";
import { certainly, type FormatOptions, type MigrationFormat } from "../migration-format.ts";
import { withoutUp } from "../no-up.ts";
import { substituted } from "../placeholders.ts";
import { sectionsOf, type ReadMark } from "../sections.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

const FILE = /^(\d+)_(.+)\.sql$/;
const MARK = /^--\s*\+goose\s+(up|down)\s*$/i;
const NO_TRANSACTION = /^--\s*\+goose\s+no\s+transaction\s*$/im;
const ENVSUB = /^--\s*\+goose\s+envsub\s+(on|off)\s*$/i;

/** goose: one file with `-- +goose Up` and `-- +goose Down`, in the order of their numbers. */
export const gooseFormat: MigrationFormat = {
  name: "goose",
  recognise: async (folder) => {
    const found = (await folder.peek((file) => FILE.test(file))).find(({ text }) =>
      /^--\s*\+goose\s+up\b/im.test(text),
    );
    return found === undefined ? undefined : certainly(`-- +goose Up in ${found.file}`);
  },
  read: (folder, options) => assemble(folder, nameOf, (migration) => divided(migration, options)),
};

function divided(migration: FileMigration, options: FormatOptions): FileMigration {
  const [file] = migration.files;
  if (migration.language !== undefined) return migration;
  const text = environment(file!, migration.up, options);
  const { up, down } = sectionsOf(text, readMark);
  if (up === undefined) throw withoutUp(file!, "-- +goose Up");
  return withTransaction(
    {
      ...migration,
      up: up.text,
      ...(down === undefined ? {} : { down: down.text }),
      ...directivesOf(file!, up.text),
      ...(text === migration.up ? {} : { source: migration.up }),
      origin: { version: String(BigInt(migration.version)), name: file! },
    },
    NO_TRANSACTION.test(text) ? "NO TRANSACTION" : undefined,
  );
}

/** Values come from whoever starts the run, not from the environment: they are put on record. */
function environment(file: string, text: string, { placeholders }: FormatOptions): string {
  if (!/\+goose\s+envsub\s+on/i.test(text)) return text;
  let isOn = false;
  const lines = text.split(/(?<=\n)/).map((line) => {
    const [, turned] = ENVSUB.exec(line.trimEnd()) ?? [];
    if (turned !== undefined) isOn = turned.toLowerCase() === "on";
    return isOn && turned === undefined ? substituted(file, line, VARIABLE, placeholders) : line;
  });
  return lines.join("");
}

const VARIABLE = /\$\{(\w+)\}|\$(\w+)/g;

const readMark: ReadMark = (line) => {
  const [, part] = MARK.exec(line) ?? [];
  return part === undefined
    ? undefined
    : { part: part.toLowerCase() as "up" | "down", options: "" };
};

function nameOf(file: string): NamedFile | { readonly reason: string } {
  const [, version, name] = FILE.exec(file) ?? [];
  if (version === undefined || file.includes("/"))
    return { reason: whyNot(file, "its name is not NUMBER_name.sql") };
  return { file, version, name: name!, role: "up" };
}
