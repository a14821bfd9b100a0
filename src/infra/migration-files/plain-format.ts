import type { FileMigration, UnmatchedFile } from "../../domain/migration/migration-source.ts";
import { compareVersions } from "../../domain/migration/version-order.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { directivesOf } from "./directives.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import type { MigrationFormat } from "./migration-format.ts";

type Role = "up" | "down" | "verify";

/** What a file's name says. */
interface Named {
  readonly file: string;
  readonly version: string;
  readonly name: string;
  readonly role: Role;
}

/** `V1__create_orders.sql`, `V1.2__x.sql`, `V1_2__x.sql`. */
const VERSIONED = /^V(\d+(?:[._]\d+)*)__(.+?)(?:\.(up|down|verify))?\.sql$/;
/** `0001_create_orders.up.sql`, `001-create-orders.sql`, `20240101120000_x.down.sql`, `7.sql`. */
const NUMBERED = /^(\d+(?:\.\d+)*)(?:[._-]+(.+?))?(?:\.(up|down|verify))?\.sql$/;

/** Plain SQL files with the version in front; `.down.sql` and `.verify.sql` belong to their up. */
export const plainFormat: MigrationFormat = {
  name: "plain",
  recognise: (folder) =>
    folder.files.some((file) => nameOf(file) !== undefined)
      ? "SQL files whose names begin with a version"
      : undefined,
  read,
};

async function read(folder: MigrationFolder) {
  const unmatched: UnmatchedFile[] = [];
  const named: Named[] = [];
  for (const file of folder.files) {
    const found = nameOf(file);
    if (found === undefined) unmatched.push({ file, reason: whyNot(file) });
    else named.push(found);
  }
  const migrations: FileMigration[] = [];
  for (const [version, files] of groups(named)) {
    const up = only(version, files, "up");
    if (up === undefined)
      for (const { file, role } of files)
        unmatched.push({
          file,
          reason: `a ${role} script without an up script of version ${version}`,
        });
    else migrations.push(await migrationOf(folder, up, files));
  }
  return {
    migrations: migrations.toSorted((a, b) => compareVersions(a.version, b.version)),
    unmatched,
  };
}

function nameOf(file: string): Named | undefined {
  const versioned = VERSIONED.exec(file);
  const [, version, name, role = "up"] = versioned ?? NUMBERED.exec(file) ?? [];
  if (version === undefined) return undefined;
  return {
    file,
    version: versioned === null ? version : version.replaceAll("_", "."),
    name: (name ?? version).replaceAll(/[_\s]+/g, " ").trim() || version,
    role: role as Role,
  };
}

function whyNot(file: string): string {
  if (file.includes("/")) return "it lies in a folder below";
  if (!/\.sql$/i.test(file)) return "it does not end in .sql";
  if (!file.endsWith(".sql")) return "its ending is not written .sql";
  return "its name does not begin with a version, as V1__name.sql, 0001_name.up.sql or 001-name.sql do";
}

function groups(named: readonly Named[]): Map<string, Named[]> {
  const byVersion = new Map<string, Named[]>();
  for (const one of named) byVersion.set(one.version, [...(byVersion.get(one.version) ?? []), one]);
  return byVersion;
}

/** The version's file in that role. Error: InvalidInput duplicate-version. */
function only(version: string, files: readonly Named[], role: Role): Named | undefined {
  const [first, second] = files.filter((one) => one.role === role);
  if (second === undefined) return first;
  throw new InvalidInput(
    "duplicate-version",
    `${first!.file} and ${second.file} are both the ${role} script of version ${version}`,
    { hint: "Give one of them another version", details: { version } },
  );
}

async function migrationOf(
  folder: MigrationFolder,
  up: Named,
  files: readonly Named[],
): Promise<FileMigration> {
  const text = await folder.text(up.file);
  const down = only(up.version, files, "down");
  const verify = only(up.version, files, "verify");
  return {
    version: up.version,
    name: up.name.slice(0, MAX_NAME),
    up: text,
    ...(down === undefined ? {} : { down: await folder.text(down.file) }),
    ...(verify === undefined ? {} : { verify: await folder.text(verify.file) }),
    ...directivesOf(up.file, text),
    files: files.map(({ file }) => file),
  };
}

/** As the API takes it. */
const MAX_NAME = 200;
