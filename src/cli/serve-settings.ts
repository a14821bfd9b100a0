import { isUtf8 } from "node:buffer";
import { dirname, isAbsolute, resolve } from "node:path";
import { parseGuarded } from "../api/json-guard.ts";
import { InvalidInput } from "../domain/shared/errors.ts";
import { readSmallFile, UnreadableFile } from "../infra/files/read-small-file.ts";
import type { OptionSpec } from "./command.ts";

/** A setting's value with where it was said, for messages. */
export interface Settings {
  readonly values: { readonly [name: string]: unknown };
  /** Flag → where its value was said: the flag, its twin in the environment, or the file. */
  readonly sources: { readonly [flag: string]: string };
}

/** Members of the file that name files and directories: relative ones are so to the file. */
const PATHS: ReadonlySet<string> = new Set([
  "data",
  "root",
  "backupIdentity",
  "s3Credentials",
  "tlsCert",
  "tlsKey",
]);
const MAX_FILE = 1 << 20;

/** One setting, as the command declares it. */
interface Declared {
  readonly flag: string;
  readonly env: string | undefined;
  readonly kind: "text" | "list" | "truth";
  readonly choices: readonly string[] | undefined;
}

/**
 * What the flags, the environment and the file say together: a flag wins over the environment, and
 * both over the file. Errors: InvalidInput config-file-invalid, which names the file and the member.
 */
export async function settingsOf(
  given: { readonly [name: string]: unknown },
  specs: readonly OptionSpec[],
  sourceOf: (name: string) => string | undefined,
): Promise<Settings> {
  const declared = new Map(specs.map((spec) => [nameOf(spec), declaredBy(spec)]));
  const file = given["config"] as string | undefined;
  const said = file === undefined ? {} : await readSettings(file, declared);
  const isSaid = (name: string): boolean =>
    sourceOf(name) !== "cli" && sourceOf(name) !== "env" && Object.hasOwn(said, name);
  const values: { [name: string]: unknown } = { ...given };
  const sources: { [flag: string]: string } = {};
  for (const [name, { flag, env }] of declared) {
    if (isSaid(name)) {
      values[name] = said[name];
      sources[flag] = `${file}: ${name}`;
    } else if (sourceOf(name) === "env" && env !== undefined) sources[flag] = env;
  }
  delete values["config"];
  return { values, sources };
}

/** `--tls-cert <file>` → `tlsCert`. */
const nameOf = ({ flags }: OptionSpec): string =>
  flagOf(flags)
    .slice(2)
    .replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

const flagOf = (flags: string): string => /--[\w-]+/.exec(flags)![0];

const declaredBy = ({ flags, env, choices }: OptionSpec): Declared => ({
  flag: flagOf(flags),
  env,
  kind: flags.includes("...") ? "list" : flags.includes("<") ? "text" : "truth",
  choices,
});

async function readSettings(
  file: string,
  declared: ReadonlyMap<string, Declared>,
): Promise<{ [name: string]: unknown }> {
  const members = parse(file, await read(file));
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => {
      const known = name === "config" ? undefined : declared.get(name);
      if (known === undefined) throw invalid(file, `${name} is not a setting`, names(declared));
      return [name, checked(file, name, value, known)];
    }),
  );
}

function checked(file: string, name: string, value: unknown, { kind, choices }: Declared): unknown {
  if (choices !== undefined && !choices.some((one) => one === value))
    throw invalid(file, `${name} must be one of ${choices.join(", ")}`);
  const place = (path: string): string =>
    PATHS.has(name) && !isAbsolute(path) ? resolve(dirname(file), path) : path;
  switch (kind) {
    case "truth":
      if (typeof value === "boolean") return value;
      throw invalid(file, `${name} must be true or false`);
    case "list":
      if (Array.isArray(value) && value.length > 0 && value.every(isText)) return value.map(place);
      throw invalid(file, `${name} must be a list of texts`);
    case "text":
      if (isText(value)) return place(value);
      if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
      throw invalid(file, `${name} must be a text or a whole number`);
  }
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

function parse(file: string, text: string): { readonly [member: string]: unknown } {
  try {
    return parseGuarded(text);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    throw invalid(file, "it must be one JSON object, without a member twice");
  }
}

async function read(file: string): Promise<string> {
  try {
    const bytes = await readSmallFile(file, MAX_FILE);
    if (isUtf8(bytes)) return bytes.toString("utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    if (error instanceof UnreadableFile) throw invalid(file, error.message);
    throw error;
  }
  throw invalid(file, "it is not UTF-8");
}

const names = (declared: ReadonlyMap<string, Declared>): string =>
  `Settings are ${[...declared.keys()].filter((name) => name !== "config").join(", ")}`;

const invalid = (file: string, why: string, hint = "Correct the file"): InvalidInput =>
  new InvalidInput("config-file-invalid", `${file}: ${why}`, { hint });
