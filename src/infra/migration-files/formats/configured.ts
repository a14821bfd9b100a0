import type { FileMigration, UnmatchedFile } from "../../../domain/migration/migration-source.ts";
import { assemble, type NamedFile, type Role } from "../assemble.ts";
import { isForeign } from "../dialect-variants.ts";
import { configInvalid, CONFIG_FILE } from "../folder-config.ts";
import type { Grammar } from "../grammar.ts";
import type { MigrationFolder } from "../migration-folder.ts";
import type { MigrationFormat } from "../migration-format.ts";
import { listed, textOrdered } from "../order.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

interface Named extends NamedFile {
  /** It is for one database alone. */
  readonly engine: string | undefined;
}

/** A folder whose configuration says how its files are named. */
export const configuredFormat = (grammar: Grammar): MigrationFormat => ({
  name: "grammar",
  recognise: async () => undefined,
  read: async (folder) => {
    const names = new GrammarNames(grammar, folder);
    const { migrations, unmatched } = await assemble(
      folder,
      (file) => names.of(file),
      (migration) => withTransaction(migration, undefined),
    );
    const ordered = inOrder(grammar, migrations);
    return { migrations: ordered.migrations, unmatched: [...unmatched, ...ordered.unmatched] };
  },
});

/** Variants for the engine stand in for the general files. */
class GrammarNames {
  readonly #grammar: Grammar;
  readonly #found = new Map<string, Named>();
  readonly #variants = new Set<string>();

  constructor(grammar: Grammar, { files }: MigrationFolder) {
    this.#grammar = grammar;
    for (const file of files) {
      const found = this.#named(file);
      if (found === undefined) continue;
      this.#found.set(file, found);
      if (found.engine !== undefined && !isForeign(found.engine)) this.#variants.add(keyOf(found));
    }
  }

  of(file: string): NamedFile | { readonly reason: string } {
    const found = this.#found.get(file) ?? this.#named(file);
    if (found === undefined)
      return { reason: whyNot(file, `no pattern of ${CONFIG_FILE} matches it`) };
    if (found.engine !== undefined && isForeign(found.engine))
      return { reason: `it is for ${found.engine}` };
    if (found.engine === undefined && this.#variants.has(keyOf(found)))
      return { reason: "its variant for sqlite is run in its place" };
    return found;
  }

  #named(file: string): Named | undefined {
    for (const pattern of this.#grammar.files) {
      const groups = pattern.exec(file)?.groups;
      if (groups?.["version"] === undefined) continue;
      const { version, name, direction = "up", engine } = groups;
      return {
        file,
        version: version.replaceAll("/", ".").replaceAll(/[^A-Za-z0-9._-]+/g, "-"),
        name: name ?? version,
        role: roleOf(direction),
        engine: engine === undefined || engine === "" ? undefined : engine.replace(/^\./, ""),
      };
    }
    return undefined;
  }
}

const keyOf = ({ version, role }: NamedFile): string => `${role} ${version}`;

const ROLES: ReadonlyMap<string, Role> = new Map([
  ["up", "up"],
  ["deploy", "up"],
  ["down", "down"],
  ["revert", "down"],
  ["undo", "down"],
  ["verify", "verify"],
]);

function roleOf(direction: string): Role {
  const role = ROLES.get(direction.toLowerCase());
  if (role !== undefined) return role;
  throw configInvalid(CONFIG_FILE, `the group direction matches ${direction}, which is none`);
}

function inOrder(
  { order, list }: Grammar,
  migrations: readonly FileMigration[],
): { migrations: FileMigration[]; unmatched: UnmatchedFile[] } {
  if (order === "natural") return { migrations: [...migrations], unmatched: [] };
  if (order === "text") return { migrations: textOrdered(migrations), unmatched: [] };
  const place = (migration: FileMigration): number =>
    list.findIndex((item) => item === migration.version || item === migration.files[0]);
  const inList = migrations.filter((one) => place(one) >= 0);
  const missing = list.filter(
    (item) => !inList.some(({ version, files }) => item === version || item === files[0]),
  );
  if (missing.length > 0)
    throw configInvalid(CONFIG_FILE, `migrations.list names ${missing[0]}, which is not there`);
  return {
    migrations: listed(inList.toSorted((a, b) => place(a) - place(b))),
    unmatched: migrations
      .filter((one) => place(one) < 0)
      .map(({ files }) => ({ file: files[0]!, reason: "migrations.list does not name it" })),
  };
}
