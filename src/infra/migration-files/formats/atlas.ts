import type { FileMigration, UnmatchedFile } from "../../../domain/migration/migration-source.ts";
import { InvalidInput } from "../../../domain/shared/errors.ts";
import { nameOf } from "../assemble.ts";
import { directivesOf } from "../directives.ts";
import { MARK, type MigrationFolder } from "../migration-folder.ts";
import { certainly, type MigrationFormat } from "../migration-format.ts";
import { compareText, textOrdered } from "../order.ts";
import { AtlasSum } from "../tool-checksums.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

const SUM = "atlas.sum";
const FILE = /^([^_/]+)(?:_([^/]*))?\.sql$/;
/** Only as the very beginning of the file. */
const NOT_SEALED = /^[ -~]*atlas:sum +ignore\b/;
const DIRECTIVE = /^([ -~]*)atlas:(\w+)(?: +(.+))*/;

/** Atlas' versioned migrations, sealed by atlas.sum, in plain order of their names. */
export const atlasFormat: MigrationFormat = {
  name: "atlas",
  recognise: async (folder) => {
    if (folder.has(SUM)) return certainly(SUM);
    const found = (await folder.peek((file) => FILE.test(file))).find(({ text }) =>
      /^-- atlas:(?:txmode|delimiter|checkpoint|nolint)\b/m.test(text),
    );
    return found === undefined ? undefined : certainly(`-- atlas: directives in ${found.file}`);
  },
  read,
};

async function read(folder: MigrationFolder) {
  const unmatched: UnmatchedFile[] = [];
  const migrations: FileMigration[] = [];
  const sealed = new Map<string, readonly string[]>();
  const sum = new AtlasSum();
  for (const file of folder.files.toSorted(compareText)) {
    if (file === SUM) continue;
    if (!FILE.test(file)) {
      unmatched.push({ file, reason: whyNot(file, "its name is not VERSION_name.sql") });
      continue;
    }
    const text = await folder.text(file);
    if (NOT_SEALED.test(text)) sum.pass(file);
    else sealed.set(file, sum.add(file, folder.hasMark(file) ? MARK + text : text));
    migrations.push(migrationOf(file, text, directivesIn(text), sealed.get(file)));
  }
  if (folder.has(SUM)) requireSame(await folder.text(SUM), sealed, sum.totals());
  return { migrations: textOrdered(migrations), unmatched };
}

function migrationOf(
  file: string,
  text: string,
  directives: ReadonlyMap<string, string>,
  hashes: readonly string[] | undefined,
): FileMigration {
  const [, version, name] = FILE.exec(file)!;
  if (directives.has("txtar"))
    throw new InvalidInput("format-unsupported", `${file} is an archive (atlas:txtar)`, {
      hint: "Unpack it: migration.sql becomes the file, its checks a .verify.sql of a new migration",
    });
  const isBaseline = directives.has("checkpoint");
  const own = isBaseline ? `B${version!}` : version!;
  return withTransaction(
    {
      version: own,
      name: nameOf(name ?? version!, version!),
      up: delimited(text, directives.get("delimiter")),
      ...directivesOf(file, text),
      ...(isBaseline ? { baseline: true, order: version! } : {}),
      files: [file],
      origin: {
        version: version!,
        name: name ?? "",
        ...(hashes === undefined ? {} : { checksum: { algorithm: "atlas-sum", values: hashes } }),
      },
    },
    directives.get("txmode") === "none" ? "atlas:txmode none" : undefined,
  );
}

/** What the lines at the head say, by name. */
function directivesIn(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, , name, value = ""] = DIRECTIVE.exec(line) ?? [];
    if (name !== undefined) found.set(name, value.trim());
    else if (line.trim() !== "" && !line.startsWith("--")) break;
  }
  return found;
}

function delimited(text: string, delimiter: string | undefined): string {
  if (delimiter === undefined) return text;
  const mark = delimiter.replaceAll(String.raw`\n`, "\n").replaceAll(String.raw`\t`, "\t");
  return text
    .replaceAll("\r\n", "\n")
    .split(mark)
    .map((part) => part.trimEnd())
    .filter((part) => part.trim() !== "")
    .map((part) => (part.endsWith(";") ? part : `${part};`))
    .join("\n");
}

/**
 * Atlas refuses a folder whose files are not those of its sum, and so do we; but other line ends, which a checkout
 * may have made of them, are no other files.
 */
function requireSame(
  text: string,
  sealed: ReadonlyMap<string, readonly string[]>,
  totals: readonly string[],
): void {
  const [head, ...lines] = text.split(/\r?\n/).filter((line) => line !== "");
  const written = new Map(
    lines.map((line): [string, string] => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const way = totals.findIndex((total) => total === head);
  const ours = new Map([...sealed].map(([file, hashes]) => [file, hashes[Math.max(way, 0)]]));
  const differing = [...new Set([...written.keys(), ...ours.keys()])].filter(
    (file) => written.get(file) !== ours.get(file),
  );
  if (differing.length === 0 && way >= 0) return;
  throw new InvalidInput(
    "format-invalid",
    `The files are not those that ${SUM} was made of: it differs from ${differing[0] ?? "its own head"} on`,
    {
      hint: "Bring the files back, or seal them anew with `atlas migrate hash` after you have looked at what changed",
      details: { files: differing },
    },
  );
}
