import { readFileSync } from "node:fs";
import { compareMigrations } from "../../domain/migration/migration-order.ts";
import type { MigrationSet, MigrationSource } from "../../domain/migration/migration-source.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { applyConfig } from "./apply-config.ts";
import { duplicateVersion } from "./assemble.ts";
import { FUNCTION_FILES, sqlFunctions, withFunctions, type SqlFunctions } from "./code-files.ts";
import { detect, formatNamed, type Detected } from "./detect.ts";
import { CONFIG_FILE, configIn, configInvalid, parsedConfig } from "./folder-config.ts";
import { configuredFormat } from "./formats/configured.ts";
import { grammarOf, type Grammar } from "./grammar.ts";
import { MigrationFolder } from "./migration-folder.ts";
import { withSignatures } from "./signature-files.ts";

const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export interface FolderOptions {
  /** The format's name, where it is not to be recognised. */
  readonly format?: string;
  /** Values for placeholders, by name. */
  readonly placeholders?: ReadonlyMap<string, string>;
  /** A file in place of the folder's own `schemaledger.config.json`. */
  readonly config?: string;
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
    const config = this.#options.config ?? CONFIG_FILE;
    const grammar = grammarOf(config, (await this.#config(folder)).migrations);
    const { format, because } = await this.#format(folder, grammar, config);
    const values = new Map([...grammar.placeholders, ...(this.#options.placeholders ?? [])]);
    const read = await format.read(folder, { engine: "sqlite", placeholders: values });
    const configured = await applyConfig(read, grammar, config, folder, values);
    const set = await withSignatures(folder, configured);
    if (set.migrations.length === 0) throw nothingRead(this.#path, format.name, set.unmatched);
    requireVersions(set);
    const functions = await functionsIn(folder, grammar, config);
    const { migrations, unmatched } = set;
    const known = new Set([CONFIG_FILE, ...FUNCTION_FILES, grammar.functions]);
    return {
      migrations: (functions === undefined ? migrations : withFunctions(migrations, functions))
        // A baseline comes from the configuration: it has its place among the others.
        .toSorted(compareMigrations),
      unmatched: unmatched.filter(({ file }) => !known.has(file)),
      format: format.name,
      because,
    };
  }

  #config(folder: MigrationFolder) {
    const { config } = this.#options;
    if (config === undefined) return configIn(folder);
    try {
      return parsedConfig(config, readFileSync(config, "utf8"));
    } catch (error) {
      if (error instanceof InvalidInput) throw error;
      throw configInvalid(config, "it cannot be read");
    }
  }

  async #format(folder: MigrationFolder, grammar: Grammar, config: string): Promise<Detected> {
    const name = this.#options.format ?? grammar.format;
    const isConfigured = grammar.files.length > 0;
    if (name === "grammar" && !isConfigured)
      throw configInvalid(config, "the format grammar needs migrations.files");
    if (name === "grammar" || (name === undefined && isConfigured))
      return { format: configuredFormat(grammar), because: `${config} says how files are named` };
    return name === undefined ? detect(folder) : formatNamed(name);
  }
}

async function functionsIn(
  folder: MigrationFolder,
  grammar: Grammar,
  config: string,
): Promise<SqlFunctions | undefined> {
  const { functions } = grammar;
  if (functions !== undefined && !folder.has(functions))
    throw configInvalid(config, `migrations.functions: there is no ${functions} in the folder`);
  const file = functions ?? FUNCTION_FILES.find((one) => folder.has(one));
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
