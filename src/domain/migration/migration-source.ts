import type { MigrationInput } from "./migration.ts";

/** Where migrations are read from: a folder of files in whatever way it names them. */
export interface MigrationSource {
  /**
   * Reads everything. Errors, each naming the file: `InvalidInput` migrations-unreadable | migrations-not-found |
   * migration-not-utf8 | migration-too-large | migration-file-outside | directive-unknown |
   * duplicate-version | version-invalid.
   */
  read(): Promise<MigrationSet>;
}

/** What a source holds. Every file of it is either in a migration or among the unmatched ones. */
export interface MigrationSet {
  /** In version order; versions are unique. */
  readonly migrations: readonly FileMigration[];
  /** The grammar that was recognised and by what, for people. */
  readonly format: string;
  /** Files that became no migration, and why: never passed over in silence. */
  readonly unmatched: readonly UnmatchedFile[];
}

/** A migration with the files it was read from, relative to the source. */
export interface FileMigration extends MigrationInput {
  readonly files: readonly string[];
}

export interface UnmatchedFile {
  readonly file: string;
  readonly reason: string;
}
