import type { FileMigration, UnmatchedFile } from "../../../domain/migration/migration-source.ts";
import { InvalidInput } from "../../../domain/shared/errors.ts";
import { directivesOf } from "../directives.ts";
import { changesetsOf, HEADER, type Changeset } from "../liquibase-changesets.ts";
import { preconditionsOf } from "../liquibase-preconditions.ts";
import type { MigrationFolder } from "../migration-folder.ts";
import { certainly, type FormatOptions, type MigrationFormat } from "../migration-format.ts";
import { compareText, listed } from "../order.ts";
import { substituted } from "../placeholders.ts";
import { liquibaseChecksum } from "../tool-checksums.ts";
import { noted, withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

const MASTER = /(?:^|\/)(?:db\.changelog[^/]*|changelog[^/]*|master[^/]*)\.(?:xml|ya?ml|json)$/i;
/** How a changelog in XML, YAML or JSON names a file. */
const INCLUDED = /\bfile"?\s*[=:]\s*["']?([^"'\s,}]+\.sql)\b/gi;

/** Liquibase's formatted SQL: each changeset is a migration, in the order of the changelog. */
export const liquibaseFormat: MigrationFormat = {
  name: "liquibase",
  recognise: async (folder) => {
    const found = (await folder.peek((file) => /\.sql$/i.test(file))).find(({ text }) =>
      HEADER.test(text),
    );
    return found === undefined
      ? undefined
      : certainly(`--liquibase formatted sql at the head of ${found.file}`);
  },
  read,
};

async function read(folder: MigrationFolder, options: FormatOptions) {
  const unmatched: UnmatchedFile[] = [];
  const read = new Map<string, FileMigration[]>();
  for (const file of folder.files) {
    const text = /\.sql$/i.test(file) ? await folder.text(file) : undefined;
    if (text !== undefined && HEADER.test(text)) {
      const found = migrationsOf(file, text, options);
      read.set(file, found.migrations);
      unmatched.push(...found.unmatched);
    } else if (!MASTER.test(file))
      unmatched.push({
        file,
        reason: whyNot(file, "it does not begin with --liquibase formatted sql"),
      });
  }
  const order = await orderOf(folder, [...read.keys()]);
  for (const file of read.keys())
    if (!order.includes(file))
      unmatched.push({ file, reason: "the changelog does not include it" });
  const migrations = order.flatMap((file) => read.get(file)!);
  return { migrations: listed(distinct(migrations)), unmatched };
}

/** As the changelog includes them; all of them in plain order where there is none. */
async function orderOf(folder: MigrationFolder, files: readonly string[]): Promise<string[]> {
  const masters = folder.files.filter((file) => MASTER.test(file));
  const included: string[] = [];
  for (const master of masters)
    for (const [, path] of (await folder.text(master)).matchAll(INCLUDED))
      included.push(...files.filter((file) => path === file || path!.endsWith(`/${file}`)));
  return included.length === 0 ? files.toSorted(compareText) : [...new Set(included)];
}

function migrationsOf(file: string, text: string, options: FormatOptions) {
  const { changesets, properties } = changesetsOf(file, text);
  const values = new Map([...properties, ...options.placeholders]);
  const migrations: FileMigration[] = [];
  const unmatched: UnmatchedFile[] = [];
  for (const changeset of changesets) {
    const label = `${changeset.author}:${changeset.id}`;
    const dbms = changeset.attributes.get("dbms");
    if (isForUs(dbms)) migrations.push(migrationOf(file, changeset, values));
    else unmatched.push({ file, reason: `changeset ${label} is for ${dbms}` });
  }
  return { migrations, unmatched };
}

function migrationOf(
  file: string,
  changeset: Changeset,
  values: ReadonlyMap<string, string>,
): FileMigration {
  const { author, id, attributes, sql, rollback } = changeset;
  refuse(file, changeset);
  const fill = (text: string): string => substituted(file, text, /\$\{([\w.]+)\}/g, values);
  const stops = preconditionsOf(`${author}:${id}`, changeset.preconditions);
  const guards = "guards" in stops ? stops.guards : [];
  const source = [...guards, delimited(sql, attributes.get("enddelimiter"))].join("\n");
  const up = fill(source);
  const isOn = (key: string): boolean => attributes.get(key)?.toLowerCase() === "true";
  const migration: FileMigration = {
    version: `${author}.${id}`.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, ""),
    name: `${author}:${id}`,
    up,
    ...(rollback === undefined ? {} : { down: fill(rollback) }),
    ...directivesOf(file, up),
    ...(up === source ? {} : { source }),
    ...(isOn("runonchange") ? { onChange: true } : {}),
    files: [file],
    origin: { version: id, name: `${author}:${id}`, checksum: liquibaseChecksum(sql) },
  };
  const notes = ["context", "contextfilter", "labels"]
    .filter((key) => attributes.has(key))
    .map((key) => `${key} ${attributes.get(key)!} is not looked at: it runs everywhere`);
  if ("warned" in stops) notes.push("preconditions only warn, and are not looked at");
  if (guards.length > 0)
    notes.push("its preconditions are statements that fail where they do not hold");
  return withTransaction(
    noted(migration, ...notes),
    attributes.get("runintransaction") === "false" ? "runInTransaction:false" : undefined,
  );
}

/** What would make a changeset do something else than its text says. */
function refuse(file: string, { author, id, attributes, preconditions }: Changeset): void {
  const stops = preconditionsOf(`${author}:${id}`, preconditions);
  const why =
    "unsupported" in stops
      ? `has ${stops.unsupported}`
      : attributes.get("runalways")?.toLowerCase() === "true"
        ? "is to run always"
        : attributes.get("failonerror")?.toLowerCase() === "false"
          ? "is to go on after an error"
          : undefined;
  if (why === undefined) return;
  throw new InvalidInput(
    "format-unsupported",
    `${file}: changeset ${author}:${id} ${why}: whether it ran could not be told from its text`,
    {
      hint: "Make what it does certain, in SQL or as a JavaScript step, or take the attribute away",
    },
  );
}

/** Statements end with semicolons here, whatever they end with there. */
function delimited(sql: string, delimiter: string | undefined): string {
  if (delimiter === undefined || delimiter === ";") return sql;
  const pattern = new RegExp(String.raw`^[ \t]*(?:${delimiter})[ \t]*$`, "gim");
  return sql
    .split(pattern)
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => (part.endsWith(";") ? part : `${part};`))
    .join("\n");
}

function isForUs(dbms: string | undefined): boolean {
  if (dbms === undefined) return true;
  const names = dbms.split(/\s*,\s*/).map((name) => name.toLowerCase());
  if (names.includes("!sqlite")) return false;
  return names.includes("sqlite") || names.includes("all") || names.every((n) => n.startsWith("!"));
}

/** Liquibase knows a changeset by its file, too: a second one of the same name gets the file's. */
function distinct(migrations: readonly FileMigration[]): FileMigration[] {
  const seen = new Set<string>();
  return migrations.map((migration) => {
    const { version, files } = migration;
    const stem = files[0]!.replace(/\.sql$/i, "").replaceAll(/[^A-Za-z0-9._-]+/g, "-");
    const own = seen.has(version) ? `${version}.${stem}` : version;
    seen.add(own);
    return Object.assign({}, migration, { version: own });
  });
}
