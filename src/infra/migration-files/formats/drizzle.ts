import type { FileMigration, UnmatchedFile } from "../../../domain/migration/migration-source.ts";
import { InvalidInput } from "../../../domain/shared/errors.ts";
import { assemble, nameOf, type NamedFile } from "../assemble.ts";
import { directivesOf } from "../directives.ts";
import type { MigrationFolder } from "../migration-folder.ts";
import { certainly, type MigrationFormat, type ReadFiles } from "../migration-format.ts";
import { listed, textOrdered } from "../order.ts";
import { splitSqlite } from "../../sqlite/sql/split.ts";
import { drizzleChecksum } from "../tool-checksums.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

const JOURNAL = "meta/_journal.json";
const FOLDER = /^(\d{14}_[^/]+)\/(migration\.sql|snapshot\.json)$/;
const BREAKPOINT = "--> statement-breakpoint";

/** Drizzle: with a journal (0.x) its entries in their order; else a folder for each (1.0). */
export const drizzleFormat: MigrationFormat = {
  name: "drizzle",
  recognise: async (folder) => {
    if (folder.has(JOURNAL)) return certainly(`Drizzle's journal ${JOURNAL}`);
    const snapshot = folder.files.find((file) => FOLDER.exec(file)?.[2] === "snapshot.json");
    if (snapshot !== undefined) return certainly(`Drizzle's ${snapshot}`);
    const found = (await folder.peek((file) => FOLDER.test(file))).find(({ text }) =>
      text.includes(BREAKPOINT),
    );
    return found === undefined ? undefined : certainly(`${BREAKPOINT} in ${found.file}`);
  },
  read: (folder) => (folder.has(JOURNAL) ? journalled(folder) : inFolders(folder)),
};

async function journalled(folder: MigrationFolder): Promise<ReadFiles> {
  const tags = tagsOf(await folder.text(JOURNAL));
  const migrations: FileMigration[] = [];
  for (const tag of tags) migrations.push(await ofTag(folder, tag));
  const known = new Set(tags.map((tag) => `${tag}.sql`));
  const unmatched = folder.files
    .filter((file) => !known.has(file) && !/^meta\/[^/]+\.json$/.test(file))
    .map((file): UnmatchedFile => ({ file, reason: whyNot(file, `${JOURNAL} does not name it`) }));
  return { migrations: listed(migrations), unmatched };
}

async function ofTag(folder: MigrationFolder, tag: string): Promise<FileMigration> {
  const file = `${tag}.sql`;
  if (!folder.has(file))
    throw invalid(`${JOURNAL} names ${tag}, and there is no ${file}`, "Put the file back");
  const text = await folder.text(file);
  const name = nameOf(tag.replace(/^\d+_/, ""), tag);
  return finished({
    version: tag,
    name,
    up: text,
    ...directivesOf(file, text),
    files: [file],
  });
}

function tagsOf(text: string): string[] {
  try {
    const { entries } = JSON.parse(text) as { entries: { idx: number; tag: string }[] };
    const tags = entries.toSorted((a, b) => a.idx - b.idx).map(({ tag }) => tag);
    if (tags.every((tag) => typeof tag === "string" && !/[/\\]/.test(tag))) return tags;
  } catch {
    // Not JSON, or JSON of another shape: told below.
  }
  throw invalid(`${JOURNAL} is not a journal of Drizzle`, "Have Drizzle make it anew");
}

async function inFolders(folder: MigrationFolder): Promise<ReadFiles> {
  const { migrations, unmatched } = await assemble(folder, named, (migration) =>
    finished({ ...migration, name: nameOf(migration.version.slice(15), migration.version) }),
  );
  return {
    migrations: textOrdered(migrations),
    unmatched: unmatched.filter(({ file }) => FOLDER.exec(file)?.[2] !== "snapshot.json"),
  };
}

function named(file: string): NamedFile | { readonly reason: string } {
  const [, version, script] = FOLDER.exec(file) ?? [];
  if (version === undefined || script !== "migration.sql")
    return { reason: whyNot(file, "it is no migration.sql in a migration's folder") };
  return { file, version, name: version, role: "up" };
}

const finished = (migration: FileMigration): FileMigration =>
  withTransaction(
    {
      ...migration,
      up: withEnds(migration.up),
      origin: {
        version: null,
        name: migration.version,
        checksum: drizzleChecksum(migration.up),
      },
    },
    undefined,
  );

/** A breakpoint ends a statement, with or without semicolon; to SQL it is a comment. */
function withEnds(text: string): string {
  if (!text.includes(BREAKPOINT)) return text;
  const parts = text.split(BREAKPOINT);
  return parts
    .map((part, at) => (at < parts.length - 1 && isOpen(part) ? `${part.trimEnd()};\n` : part))
    .join(BREAKPOINT);
}

const isOpen = (part: string): boolean => splitSqlite(part).at(-1)?.terminated === false;

const invalid = (message: string, hint: string): InvalidInput =>
  new InvalidInput("format-invalid", message, { hint });
