import type { Allowances, TransactionMode } from "../../domain/database/events.ts";
import { configInvalid, isObject } from "./folder-config.ts";

/** What is said of single migrations, by version: files of others cannot be edited. */
export interface Override {
  readonly allow?: Allowances;
  readonly transaction?: TransactionMode;
  readonly verify?: string;
  /** Why it is left out. */
  readonly skip?: string;
}

/** How a folder says that it is to be read. */
export interface Grammar {
  readonly format?: string;
  /** Of paths, with the named groups version, name, direction, engine. */
  readonly files: readonly RegExp[];
  readonly order: "natural" | "text" | "listed";
  /** Paths or names of files, in order. */
  readonly list: readonly string[];
  /** Texts that are replaced in every script. */
  readonly replace: ReadonlyMap<string, string>;
  readonly placeholders: ReadonlyMap<string, string>;
  /** Its first group is the name. */
  readonly placeholder: RegExp | undefined;
  /** Why files are no migrations, by patterns of their paths. */
  readonly ignore: readonly (readonly [RegExp, string])[];
  readonly functions: string | undefined;
  readonly baseline: Baseline | undefined;
  readonly steps: ReadonlyMap<string, Override>;
}

/** What an empty database begins with in place of the migrations up to a version. */
export interface Baseline {
  readonly version: string;
  /** In the folder: a script, or a database file. */
  readonly file: string;
  readonly isDatabase: boolean;
}

const MEMBERS = new Set(
  "format files order list replace placeholders placeholder ignore functions baseline steps".split(
    " ",
  ),
);

/** Reads the member `migrations` of the configuration. Error: InvalidInput folder-config-invalid. */
export function grammarOf(file: string, value: unknown): Grammar {
  const reader = new Reader(file);
  const given = value === undefined ? {} : reader.object("migrations", value);
  for (const member of Object.keys(given))
    if (!MEMBERS.has(member)) throw configInvalid(file, `migrations.${member} is not known`);
  const { format, order = "natural", placeholder, functions, baseline } = given;
  if (order !== "natural" && order !== "text" && order !== "listed")
    throw configInvalid(file, "migrations.order is natural, text or listed");
  const list = reader.texts("list", given["list"]);
  if ((order === "listed") !== list.length > 0)
    throw configInvalid(file, 'migrations.list goes with "order": "listed"');
  return {
    ...(format === undefined ? {} : { format: reader.text("format", format) }),
    files: reader.texts("files", given["files"]).map((text) => reader.pattern("files", text)),
    order,
    list,
    replace: reader.pairs("replace", given["replace"]),
    placeholders: reader.pairs("placeholders", given["placeholders"]),
    placeholder:
      placeholder === undefined
        ? undefined
        : reader.pattern("placeholder", reader.text("placeholder", placeholder), "g"),
    ignore: [...reader.pairs("ignore", given["ignore"])].map(
      ([pattern, why]) => [reader.pattern("ignore", pattern), why] as const,
    ),
    functions: functions === undefined ? undefined : reader.text("functions", functions),
    baseline: baseline === undefined ? undefined : reader.baseline(baseline),
    steps: reader.overrides(given["steps"]),
  };
}

class Reader {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  object(name: string, value: unknown): { readonly [name: string]: unknown } {
    if (isObject(value)) return value;
    throw configInvalid(this.#file, `${name} is not an object`);
  }

  text(name: string, value: unknown): string {
    if (typeof value === "string" && value !== "") return value;
    throw configInvalid(this.#file, `migrations.${name} is not a text`);
  }

  texts(name: string, value: unknown = []): string[] {
    if (Array.isArray(value)) return value.map((one) => this.text(name, one));
    throw configInvalid(this.#file, `migrations.${name} is not a list`);
  }

  pairs(name: string, value: unknown = {}): Map<string, string> {
    const entries = Object.entries(this.object(`migrations.${name}`, value));
    if (entries.every(([key, one]) => key !== "" && typeof one === "string"))
      return new Map(entries as [string, string][]);
    throw configInvalid(this.#file, `migrations.${name} has other values than texts`);
  }

  /** The whole path has to match. */
  pattern(name: string, text: string, flags = ""): RegExp {
    try {
      return new RegExp(flags === "" ? `^(?:${text})$` : text, `u${flags}`);
    } catch {
      throw configInvalid(this.#file, `migrations.${name}: ${text} is no pattern`);
    }
  }

  baseline(value: unknown): Baseline {
    const { version, sql, database } = this.object("migrations.baseline", value);
    if ((sql === undefined) === (database === undefined))
      throw configInvalid(this.#file, "migrations.baseline has either sql or database");
    const isDatabase = database !== undefined;
    return {
      version: this.text("baseline.version", version),
      file: this.text(`baseline.${isDatabase ? "database" : "sql"}`, sql ?? database),
      isDatabase,
    };
  }

  overrides(value: unknown = {}): Map<string, Override> {
    const entries = Object.entries(this.object("migrations.steps", value));
    return new Map(entries.map(([version, one]) => [version, this.#override(version, one)]));
  }

  #override(version: string, value: unknown): Override {
    const name = `steps.${version}`;
    const { allow, transaction, verify, skip, ...rest } = this.object(name, value);
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined)
      throw configInvalid(this.#file, `migrations.${name}.${unknown} is not known`);
    if (transaction !== undefined && transaction !== "none" && transaction !== "required")
      throw configInvalid(this.#file, `migrations.${name}.transaction is required or none`);
    return {
      ...(allow === undefined ? {} : { allow: this.#allow(name, allow) }),
      ...(transaction === undefined ? {} : { transaction }),
      ...(verify === undefined ? {} : { verify: this.text(`${name}.verify`, verify) }),
      ...(skip === undefined ? {} : { skip: this.text(`${name}.skip`, skip) }),
    };
  }

  #allow(name: string, value: unknown): Allowances {
    const { rowLoss } = this.object(`${name}.allow`, value);
    return { rowLoss: this.texts(`${name}.allow.rowLoss`, rowLoss) };
  }
}
