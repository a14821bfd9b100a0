import type { FileMigration, MigrationSet } from "../../domain/migration/migration-source.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import type { MigrationFolder } from "./migration-folder.ts";

/** What ssh-keygen and minisign call the file that they write beside another. */
const ENDINGS = [".sig", ".minisig"];
/** As the API takes it. */
const MAX_SIGNATURE = 16_384;

type Found = Pick<MigrationSet, "migrations" | "unmatched">;

/**
 * Gives each migration the signature that lies beside one of its scripts (`1_x.sql.sig`,
 * `1_x.sql.minisig`), whatever format the folder has. Error: InvalidInput signature-file-invalid.
 */
export async function withSignatures(folder: MigrationFolder, found: Found): Promise<Found> {
  const present = new Set(folder.files.filter((file) => ENDINGS.some((end) => file.endsWith(end))));
  if (present.size === 0) return found;
  const migrations: FileMigration[] = [];
  for (const migration of found.migrations) {
    const beside = migration.files
      .flatMap((script) => ENDINGS.map((end) => script + end))
      .filter((file) => present.delete(file));
    migrations.push(await signed(folder, migration, beside));
  }
  const used = new Set(migrations.flatMap(({ files }) => files));
  return { migrations, unmatched: found.unmatched.filter(({ file }) => !used.has(file)) };
}

async function signed(
  folder: MigrationFolder,
  migration: FileMigration,
  [file, second]: readonly string[],
): Promise<FileMigration> {
  if (file === undefined) return migration;
  if (second !== undefined)
    throw invalid(`${file} and ${second} are both signatures of version ${migration.version}`);
  const signature = await folder.text(file);
  if (signature.trim() === "" || signature.length > MAX_SIGNATURE)
    throw invalid(`${file} is empty or longer than ${MAX_SIGNATURE} characters`);
  return { ...migration, signature, files: [...migration.files, file] };
}

const invalid = (message: string): InvalidInput =>
  new InvalidInput("signature-file-invalid", message, {
    hint: "One signature speaks for the whole migration: keep one file beside its up script",
  });
