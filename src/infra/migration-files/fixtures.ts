import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import type { Fixture, FixtureRow } from "../../domain/engine/exercise.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";

/** What a folder of fixtures has for the migrations of a set. */
export interface Fixtures {
  /** By version: loaded once it is applied. */
  readonly rows: ReadonlyMap<string, readonly Fixture[]>;
  /** By version: queries that must hold once it is applied, before its own rows. */
  readonly expect: ReadonlyMap<string, string>;
}

export const NO_FIXTURES: Fixtures = { rows: new Map(), expect: new Map() };

const LARGEST = 16 << 20;

/**
 * Reads `VERSION.sql`, `VERSION.json` ({table: [{column: value}]}), `VERSION.TABLE.csv` and
 * `VERSION.expect.sql`. Every file must belong to one of the versions. Errors: InvalidInput
 * fixtures-unreadable | fixture-unknown | fixture-invalid, each naming the file.
 */
export async function readFixtures(
  directory: string,
  versions: readonly string[],
): Promise<Fixtures> {
  const rows = new Map<string, Fixture[]>();
  const expect = new Map<string, string>();
  for (const file of await filesOf(directory)) {
    const { version, rest } = placeOf(file, versions);
    const text = await textOf(directory, file);
    if (rest === "expect.sql") expect.set(version, text);
    else rows.set(version, [...(rows.get(version) ?? []), ...fixturesOf(file, rest, text)]);
  }
  return { rows, expect };
}

async function filesOf(directory: string): Promise<string[]> {
  try {
    const found = await readdir(directory, { withFileTypes: true });
    return found
      .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
      .map(({ name }) => name)
      .toSorted();
  } catch (error) {
    throw new InvalidInput(
      "fixtures-unreadable",
      `The folder of fixtures cannot be read: ${directory}`,
      {
        hint: error instanceof Error ? error.message : String(error),
      },
    );
  }
}

/** Versions can have dots: the longest that fits is meant. */
function placeOf(
  file: string,
  versions: readonly string[],
): { readonly version: string; readonly rest: string } {
  const version = versions
    .filter((one) => file.startsWith(`${one}.`))
    .toSorted((a, b) => b.length - a.length)[0];
  if (version !== undefined) return { version, rest: file.slice(version.length + 1) };
  throw new InvalidInput("fixture-unknown", `${file} belongs to no migration`, {
    hint: "Name it VERSION.sql, VERSION.json, VERSION.TABLE.csv or VERSION.expect.sql",
  });
}

async function textOf(directory: string, file: string): Promise<string> {
  const bytes = await readFile(join(directory, file));
  if (bytes.length > LARGEST)
    throw invalid(file, `is larger than ${LARGEST >> 20} MiB; snapshots are for much data`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid(file, "is not UTF-8");
  }
}

function fixturesOf(file: string, rest: string, text: string): Fixture[] {
  if (rest === "sql") return [{ file, sql: text }];
  if (rest === "json") return jsonRows(file, text);
  const table = /^(.+)\.csv$/s.exec(rest)?.[1];
  if (table !== undefined) return [{ file, table, rows: csvRows(file, text) }];
  throw new InvalidInput("fixture-unknown", `${file} is of no kind that is known`, {
    hint: "Name it VERSION.sql, VERSION.json, VERSION.TABLE.csv or VERSION.expect.sql",
  });
}

/** An empty field is NULL, a quoted empty one is an empty text; the column's affinity does the rest. */
function csvRows(file: string, text: string): FixtureRow[] {
  try {
    return parse(text, {
      bom: true,
      columns: true,
      skip_empty_lines: true,
      cast: (value, { header, quoting }) => (value === "" && !quoting && !header ? null : value),
    });
  } catch (error) {
    throw invalid(file, error instanceof Error ? error.message : String(error));
  }
}

function jsonRows(file: string, text: string): Fixture[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalid(file, error instanceof Error ? error.message : String(error));
  }
  if (!isObject(parsed)) throw invalid(file, "is no object of tables");
  return Object.entries(parsed).map(([table, rows]) => {
    if (!Array.isArray(rows) || !rows.every(isRow))
      throw invalid(file, `${table} is no list of rows with plain values or {"$hex": "00ff"}`);
    return { file, table, rows };
  });
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isRow = (row: unknown): row is FixtureRow =>
  isObject(row) && Object.keys(row).length > 0 && Object.values(row).every(isValue);

const isValue = (value: unknown): boolean =>
  value === null ||
  ["string", "number", "boolean"].includes(typeof value) ||
  (isObject(value) &&
    Object.keys(value).length === 1 &&
    typeof value["$hex"] === "string" &&
    /^([0-9a-f]{2})*$/i.test(value["$hex"]));

const invalid = (file: string, what: string): InvalidInput =>
  new InvalidInput("fixture-invalid", `The fixture ${file} cannot be used: ${what}`, {
    hint: "docs/guides/test-migrations.md says what each kind of fixture holds",
  });
