import type { FileMigration, UnmatchedFile } from "../../../domain/migration/migration-source.ts";
import { compareMigrations } from "../../../domain/migration/migration-order.ts";
import { duplicateVersion, nameOf } from "../assemble.ts";
import { directivesOf } from "../directives.ts";
import {
  flywaySettings,
  isFlywaySettings,
  settingsIn,
  type FlywaySettings,
} from "../flyway-settings.ts";
import type { MigrationFolder } from "../migration-folder.ts";
import { certainly, type FormatOptions, type MigrationFormat } from "../migration-format.ts";
import { substituted } from "../placeholders.ts";
import { flywayChecksum } from "../tool-checksums.ts";
import { withTransaction } from "../transaction-opt-out.ts";
import { whyNot } from "../why-not.ts";

type Kind = "versioned" | "undo" | "repeatable" | "baseline";

/** What a file's name says. */
interface Named {
  readonly file: string;
  readonly kind: Kind;
  /** Null: repeatable. */
  readonly version: string | null;
  readonly description: string;
}

const CALLBACK = /(?:^|\/)(?:before|after|create)[A-Z]\w*(?:__[^/]*)?\.sql$/;
const PARTS = /^\d+(?:[._]\d+)*$/;

/** Flyway: versioned, undo, baseline and repeatable scripts, also in folders below. */
export const flywayFormat: MigrationFormat = {
  name: "flyway",
  recognise: async (folder) => {
    const settings = await flywaySettings(folder);
    // Pairs with .up.sql and .down.sql are not Flyway's.
    if (folder.files.some((file) => /\.(?:up|down|verify)\.sql$/.test(file))) return undefined;
    const named = folder.files.flatMap((file) => namedBy(settings, file) ?? []);
    const telling =
      folder.files.find(isFlywaySettings) ??
      named.find(({ kind }) => kind !== "versioned")?.file ??
      folder.files.find((file) => file.endsWith(".sql.conf") || CALLBACK.test(file));
    if (telling !== undefined && named.length > 0)
      return certainly(`${telling} beside ${named[0]!.file}`);
    const isAll = named.length > 0 && named.length === sqlFiles(folder).length;
    return isAll ? certainly(`names such as ${named[0]!.file}`) : undefined;
  },
  read,
};

const sqlFiles = (folder: MigrationFolder): string[] =>
  folder.files.filter((file) => /\.sql$/i.test(file));

async function read(folder: MigrationFolder, options: FormatOptions) {
  const settings = await flywaySettings(folder);
  const reader = new FlywayReader(folder, settings, options);
  const unmatched: UnmatchedFile[] = [];
  const named: Named[] = [];
  for (const file of folder.files) {
    const found = namedBy(settings, file);
    if (found !== undefined) named.push(found);
    else if (!isFlywaySettings(file) && !isScriptConf(folder, file))
      unmatched.push({ file, reason: reasonFor(file) });
  }
  const undos = byVersion(named.filter(({ kind }) => kind === "undo"));
  const ups = [...byVersion(named.filter(({ kind }) => kind === "versioned")).values()];
  const migrations = [
    ...(await reader.all(ups, undos)),
    ...(await reader.all([...byVersion(named.filter(isBaseline)).values()], new Map())),
    ...(await reader.all(repeatables(named), new Map())),
  ];
  const versions = new Set(ups.map(({ version }) => canonical(version!)));
  for (const [version, { file }] of undos)
    if (!versions.has(version))
      unmatched.push({ file, reason: `an undo script without a versioned one` });
  return { migrations: migrations.toSorted(compareMigrations), unmatched };
}

const isBaseline = ({ kind }: Named): boolean => kind === "baseline";

/** In the order of their descriptions. */
function repeatables(named: readonly Named[]): Named[] {
  const found = named.filter(({ kind }) => kind === "repeatable");
  const seen = new Map<string, string>();
  for (const { description, file } of found) {
    const other = seen.get(description);
    if (other !== undefined) throw duplicateVersion(`R ${description}`, other, file);
    seen.set(description, file);
  }
  return found;
}

/** 1, 01 and 1.0 are one version. */
const canonical = (version: string): string =>
  version
    .split(".")
    .map((part) => part.replace(/^0+(?=\d)/, ""))
    .join(".")
    .replace(/(?:\.0)+$/, "");

function byVersion(named: readonly Named[]): Map<string, Named> {
  const found = new Map<string, Named>();
  for (const one of named) {
    const key = canonical(one.version!);
    const other = found.get(key);
    if (other !== undefined) throw duplicateVersion(key, other.file, one.file);
    found.set(key, one);
  }
  return found;
}

class FlywayReader {
  readonly #folder: MigrationFolder;
  readonly #settings: FlywaySettings;
  readonly #values: ReadonlyMap<string, string>;

  constructor(folder: MigrationFolder, settings: FlywaySettings, options: FormatOptions) {
    this.#folder = folder;
    this.#settings = settings;
    this.#values = new Map([...settings.placeholders, ...options.placeholders]);
  }

  async all(named: readonly Named[], undos: ReadonlyMap<string, Named>): Promise<FileMigration[]> {
    const migrations: FileMigration[] = [];
    for (const one of named) {
      const undo = one.version === null ? undefined : undos.get(canonical(one.version));
      migrations.push(await this.#migration(one, undo));
    }
    return migrations;
  }

  async #migration(named: Named, undo: Named | undefined): Promise<FileMigration> {
    const { file, kind, version, description } = named;
    const source = await this.#folder.text(file);
    const conf = await this.#conf(file);
    const up = this.#filled(file, source, conf);
    const own = versionOf(named);
    return withTransaction(
      {
        version: own,
        name: nameOf(description, own),
        up,
        ...(undo === undefined
          ? {}
          : { down: this.#filled(undo.file, await this.#folder.text(undo.file), conf) }),
        ...directivesOf(file, up),
        ...(up === source ? {} : { source }),
        ...(kind === "repeatable" ? { repeatable: true, onChange: true, order: description } : {}),
        ...(kind === "baseline" ? { baseline: true, order: version! } : {}),
        files: [file, ...(undo === undefined ? [] : [undo.file])],
        origin: { version, name: description, checksum: flywayChecksum(source) },
      },
      conf.get("executeInTransaction") === "false" ? "executeInTransaction=false" : undefined,
    );
  }

  /** What stands in the file of settings beside a script. */
  async #conf(file: string): Promise<ReadonlyMap<string, string>> {
    const conf = `${file}.conf`;
    return new Map(this.#folder.has(conf) ? settingsIn(await this.#folder.text(conf)) : []);
  }

  #filled(file: string, text: string, conf: ReadonlyMap<string, string>): string {
    const { replaces, prefix, suffix } = this.#settings;
    if (conf.get("placeholderReplacement") === "false" || !replaces) return text;
    if (!text.includes(prefix)) return text;
    const pattern = new RegExp(`${escaped(prefix)}([^\\s]+?)${escaped(suffix)}`, "g");
    return substituted(file, text, pattern, this.#values);
  }
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

function versionOf({ kind, version, description }: Named): string {
  if (kind === "repeatable") return `R.${description.replaceAll(/[^A-Za-z0-9]+/g, "-")}`;
  return kind === "baseline" ? `B${version!}` : version!;
}

/** The longest configured prefix wins. */
function namedBy(settings: FlywaySettings, path: string): Named | undefined {
  const suffix = settings.suffixes.find((one) => path.toLowerCase().endsWith(one.toLowerCase()));
  if (suffix === undefined) return undefined;
  const stem = path.slice(path.lastIndexOf("/") + 1, -suffix.length);
  const kinds: readonly Kind[] = ["versioned", "undo", "repeatable", "baseline"];
  const [kind] = kinds
    .filter((one) => stem.startsWith(settings[one]))
    .toSorted((a, b) => settings[b].length - settings[a].length);
  if (kind === undefined) return undefined;
  const rest = stem.slice(settings[kind].length);
  const at = rest.indexOf(settings.separator);
  const version = at < 0 ? rest : rest.slice(0, at);
  const description = at < 0 ? "" : rest.slice(at + settings.separator.length);
  if (kind === "repeatable") {
    if (at !== 0 || description === "") return undefined;
    return { file: path, kind, version: null, description: description.replaceAll("_", " ") };
  }
  if (!PARTS.test(version)) return undefined;
  return {
    file: path,
    kind,
    version: version.replaceAll("_", "."),
    description: description.replaceAll("_", " ") || version,
  };
}

const isScriptConf = (folder: MigrationFolder, file: string): boolean =>
  file.endsWith(".conf") && folder.has(file.slice(0, -".conf".length));

const reasonFor = (file: string): string =>
  CALLBACK.test(file)
    ? "a Flyway callback, which is never run: make it a migration, or a verify script"
    : whyNot(file, "its name is not V1__name.sql, U1__name.sql, B1__name.sql or R__name.sql");
