import type { FileMigration, UnmatchedFile } from "../../domain/migration/migration-source.ts";
import type { MigrationFolder } from "./migration-folder.ts";

/** One tool's way of naming and annotating migration files: one file each in `formats/`. */
export interface MigrationFormat {
  readonly name: string;
  /** By what the folder is recognised; undefined if it is not of this format. */
  recognise(folder: MigrationFolder): Promise<Recognition | undefined>;
  /** Errors: those of `MigrationSource.read`. */
  read(folder: MigrationFolder, options: FormatOptions): Promise<ReadFiles>;
}

export interface Recognition {
  /** In words. */
  readonly by: string;
  /** A file or an annotation that only this tool writes; else only names speak for it. */
  readonly certain: boolean;
}

/** What is known beside the files. */
export interface FormatOptions {
  readonly engine: "sqlite";
  /** Values for placeholders, by name. */
  readonly placeholders: ReadonlyMap<string, string>;
}

export interface ReadFiles {
  readonly migrations: readonly FileMigration[];
  readonly unmatched: readonly UnmatchedFile[];
}

export const certainly = (by: string): Recognition => ({ by, certain: true });
export const likely = (by: string): Recognition => ({ by, certain: false });
