import type * as Library from "./open-schemaledger.ts";
import { bundled } from "../infra/system/bundle.ts";

// What the package exports: the same module, in few files where they were made.
const library = (await import(bundled("library.js") ?? "./open-schemaledger.ts")) as typeof Library;

export const { openSchemaledger, SchemaledgerError } = library;
export type SchemaledgerError = InstanceType<typeof Library.SchemaledgerError>;
export type {
  DatabaseView,
  Migrated,
  MigrateNews,
  MigrateRequest,
  MigrationInput,
  OpenOptions,
  RollBackRequest,
  RunView,
  Schemaledger,
} from "./open-schemaledger.ts";
