import { InvalidInput } from "../../domain/shared/errors.ts";
import { MIGRATION_FORMATS } from "./formats.ts";
import type { MigrationFolder } from "./migration-folder.ts";
import type { MigrationFormat, Recognition } from "./migration-format.ts";

export interface Detected {
  readonly format: MigrationFormat;
  readonly because: string;
}

interface Candidate extends Recognition {
  readonly format: MigrationFormat;
}

/** The format that was asked for. Error: InvalidInput format-unknown. */
export function formatNamed(name: string): Detected {
  const format = MIGRATION_FORMATS.find((one) => one.name === name);
  if (format !== undefined) return { format, because: "asked for" };
  const names = MIGRATION_FORMATS.map((one) => one.name);
  throw new InvalidInput("format-unknown", `There is no format ${name}`, {
    hint: `Use one of: ${names.join(", ")}`,
  });
}

/**
 * Recognises the format by what only one tool writes; without such signs by names. Errors: InvalidInput
 * format-ambiguous | migrations-not-found.
 */
export async function detect(folder: MigrationFolder): Promise<Detected> {
  const candidates: Candidate[] = [];
  for (const format of MIGRATION_FORMATS) {
    const recognition = await format.recognise(folder);
    if (recognition !== undefined) candidates.push({ format, ...recognition });
  }
  const certain = candidates.filter((one) => one.certain);
  if (certain.length > 1) throw ambiguous(folder, certain);
  const chosen = certain[0] ?? candidates[0];
  if (chosen === undefined) throw notFound(folder);
  return { format: chosen.format, because: chosen.by };
}

const ambiguous = (folder: MigrationFolder, candidates: readonly Candidate[]): InvalidInput =>
  new InvalidInput(
    "format-ambiguous",
    `${folder.path} looks like ${candidates.map(({ format, by }) => `${format.name} (${by})`).join(" and like ")}`,
    {
      hint: `Say which it is: --format ${candidates.map(({ format }) => format.name).join(" or --format ")}`,
      details: { formats: candidates.map(({ format }) => format.name) },
    },
  );

/** A wrong folder must not look like one in which everything is done. */
const notFound = ({ path, files }: MigrationFolder): InvalidInput =>
  new InvalidInput(
    "migrations-not-found",
    files.length === 0
      ? `${path} holds no files`
      : `None of the ${files.length} files in ${path} is a migration: ${files[0]} …`,
    {
      hint: "Name files like V1__name.sql, 0001_name.up.sql or 001-name.sql, say how they are named in schemaledger.config.json, or name the tool with --format",
    },
  );
