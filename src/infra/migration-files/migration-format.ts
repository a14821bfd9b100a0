import type { MigrationSet } from "../../domain/migration/migration-source.ts";
import type { MigrationFolder } from "./migration-folder.ts";

/**
 * One tool's way of naming and annotating migration files. Formats are asked in the order of
 * `MIGRATION_FORMATS`; the first that recognises a folder reads all of it.
 */
export interface MigrationFormat {
  readonly name: string;
  /** By what the folder is recognised, in words; undefined if it is not of this format. */
  recognise(folder: MigrationFolder): string | undefined;
  /** Errors: those of `MigrationSource.read`. */
  read(folder: MigrationFolder): Promise<Omit<MigrationSet, "format">>;
}
