import type * as Library from "./open-schemaledger.ts";
import { packed } from "../infra/system/bundle.ts";

// What the package exports: the same module, in few files where they were made.
const library = packed<typeof Library>("library.cjs") ?? (await import("./open-schemaledger.ts"));

export const { openSchemaledger, SchemaledgerError } = library;
export type SchemaledgerError = InstanceType<typeof Library.SchemaledgerError>;
export type {
  DatabaseView,
  LibraryBackups,
  Migrated,
  MigrateNews,
  MigrateRequest,
  MigrationInput,
  OpenOptions,
  RollBackRequest,
  RunView,
  Schemaledger,
} from "./open-schemaledger.ts";
