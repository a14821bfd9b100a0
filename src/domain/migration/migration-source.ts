import type { MigrationInput } from "./migration.ts";

/** Where migrations are read from: a folder of files in whatever way it names them. */
export interface MigrationSource {
  /**
   * Reads everything. Errors, each naming the file: `InvalidInput` migrations-unreadable | migrations-not-found |
   * migration-not-utf8 | migration-too-large | migration-file-outside | directive-unknown | duplicate-version |
   * version-invalid | format-ambiguous | format-unknown | format-unsupported | format-invalid |
   * placeholder-missing.
   */
  read(): Promise<MigrationSet>;
}

/** What a source holds. Every file of it is either in a migration or among the unmatched ones. */
export interface MigrationSet {
  /** In the order in which the tool applies them; versions are unique. */
  readonly migrations: readonly FileMigration[];
  /** Name of the grammar that they were read by. */
  readonly format: string;
  /** By what the grammar was recognised, for people. */
  readonly because: string;
  /** Files that became no migration, and why: never passed over in silence. */
  readonly unmatched: readonly UnmatchedFile[];
}

/** A migration with the files it was read from, relative to the source. */
export interface FileMigration extends MigrationInput {
  readonly files: readonly string[];
  /** How its tool names it, where that is another tool than this one. */
  readonly origin?: Origin;
  /** Where it is read otherwise than its tool would, in words. */
  readonly notes?: readonly string[];
  /** It is applied anew whenever its text changes, each time as another version. */
  readonly onChange?: boolean;
  /** The versions that its earlier texts had. */
  readonly earlier?: readonly string[];
  /** It stands for everything up to its place, on an empty database only. */
  readonly baseline?: boolean;
  /** A baseline that is no script but a file: a new database begins as a copy of it. */
  readonly shipped?: ShippedDatabase;
}

export interface ShippedDatabase {
  /** Absolute. */
  readonly path: string;
  readonly sha256: string;
}

/** A migration in the words of its tool: as the tool's own history table has it. */
export interface Origin {
  readonly version: string | null;
  readonly name: string;
  /** Where there is one. */
  readonly checksum?: ToolChecksum;
}

export interface ToolChecksum {
  readonly algorithm: string;
  /** First that of the text as it is; then those of the same text with other line ends. */
  readonly values: readonly string[];
}

export interface UnmatchedFile {
  readonly file: string;
  readonly reason: string;
  /** Its name is that of a step of this version, which cannot be run; nobody has said that it need not. */
  readonly step?: string;
}

/** The part of it that is registered. */
export function inputOf(migration: FileMigration): MigrationInput {
  const { files: _f, origin: _o, notes: _n, onChange: _c, ...rest } = migration;
  const { earlier: _e, baseline: _b, shipped: _s, ...input } = rest;
  return input;
}
