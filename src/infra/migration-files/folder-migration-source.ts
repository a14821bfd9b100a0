import type { MigrationSet, MigrationSource } from "../../domain/migration/migration-source.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import type { MigrationFormat } from "./migration-format.ts";
import { MigrationFolder } from "./migration-folder.ts";
import { plainFormat } from "./plain-format.ts";

/** Every known grammar; the first that recognises a folder reads it, so special ones come first. */
export const MIGRATION_FORMATS: readonly MigrationFormat[] = [plainFormat];

const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Migrations in a folder of files. */
export class FolderMigrationSource implements MigrationSource {
  readonly #path: string;
  readonly #formats: readonly MigrationFormat[];

  constructor(path: string, formats: readonly MigrationFormat[] = MIGRATION_FORMATS) {
    this.#path = path;
    this.#formats = formats;
  }

  async read(): Promise<MigrationSet> {
    const folder = MigrationFolder.open(this.#path);
    for (const format of this.#formats) {
      const by = format.recognise(folder);
      if (by === undefined) continue;
      const set = await format.read(folder);
      set.migrations.forEach(({ version }) => requireVersion(version));
      return { ...set, format: `${format.name}: ${by}` };
    }
    // A wrong folder must not look like one in which everything is done.
    throw new InvalidInput(
      "migrations-not-found",
      folder.files.length === 0
        ? `${this.#path} holds no files`
        : `None of the ${folder.files.length} files in ${this.#path} is a migration: ${folder.files[0]} …`,
      { hint: "Name files like V1__name.sql, 0001_name.up.sql or 001-name.sql" },
    );
  }
}

function requireVersion(version: string): void {
  if (VERSION.test(version)) return;
  throw new InvalidInput("version-invalid", `${version} cannot be a version`, {
    hint: "Use 1 to 128 letters, digits, dots, dashes or underscores",
  });
}
