import type { MigrationSet, MigrationSource } from "../../domain/migration/migration-source.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { duplicateVersion } from "./assemble.ts";
import { FUNCTION_FILES, sqlFunctions, withFunctions, type SqlFunctions } from "./code-files.ts";
import { detect, formatNamed } from "./detect.ts";
import { MigrationFolder } from "./migration-folder.ts";
import { withSignatures } from "./signature-files.ts";

const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export interface FolderOptions {
  /** The format's name, where it is not to be recognised. */
  readonly format?: string;
  /** Values for placeholders, by name. */
  readonly placeholders?: ReadonlyMap<string, string>;
}

/** Migrations in a folder of files. */
export class FolderMigrationSource implements MigrationSource {
  readonly #path: string;
  readonly #options: FolderOptions;

  constructor(path: string, options: FolderOptions = {}) {
    this.#path = path;
    this.#options = options;
  }

  async read(): Promise<MigrationSet> {
    const folder = MigrationFolder.open(this.#path);
    const { format: name, placeholders = new Map<string, string>() } = this.#options;
    const { format, because } = name === undefined ? await detect(folder) : formatNamed(name);
    const read = await format.read(folder, { engine: "sqlite", placeholders });
    const set = await withSignatures(folder, read);
    if (set.migrations.length === 0) throw nothingRead(this.#path, format.name, set.unmatched);
    requireVersions(set);
    const functions = await functionsIn(folder);
    const { migrations, unmatched } = set;
    return {
      migrations: functions === undefined ? migrations : withFunctions(migrations, functions),
      unmatched: unmatched.filter(({ file }) => !FUNCTION_FILES.includes(file)),
      format: format.name,
      because,
    };
  }
}

async function functionsIn(folder: MigrationFolder): Promise<SqlFunctions | undefined> {
  const file = FUNCTION_FILES.find((one) => folder.has(one));
  return file === undefined ? undefined : sqlFunctions(file, await folder.text(file));
}

function requireVersions({ migrations }: Pick<MigrationSet, "migrations">): void {
  const seen = new Map<string, string>();
  for (const { version, files } of migrations) {
    if (!VERSION.test(version))
      throw new InvalidInput("version-invalid", `${version} cannot be a version`, {
        hint: "Use 1 to 128 letters, digits, dots, dashes or underscores",
      });
    const other = seen.get(version);
    if (other !== undefined) throw duplicateVersion(version, other, files[0]!);
    seen.set(version, files[0]!);
  }
}

const nothingRead = (
  path: string,
  format: string,
  unmatched: MigrationSet["unmatched"],
): InvalidInput =>
  new InvalidInput("migrations-not-found", `${path} holds no migration of the format ${format}`, {
    hint:
      unmatched.length === 0
        ? "Name another format, or leave it away to have it recognised"
        : `${unmatched[0]!.file}: ${unmatched[0]!.reason}`,
  });
