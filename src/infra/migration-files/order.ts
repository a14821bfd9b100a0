import type { FileMigration } from "../../domain/migration/migration-source.ts";
import { compareVersions } from "../../domain/migration/version-order.ts";

/** Plain order of texts by code units, as most tools sort file names. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Gives each its place as key: for tools with a list, whatever the versions look like. */
export const listed = (migrations: readonly FileMigration[]): FileMigration[] =>
  migrations.map((migration, at) => Object.assign({}, migration, { order: String(at + 1) }));

/**
 * For tools that sort versions as plain text: as they are where that is the order of versions anyway, as
 * with time stamps; otherwise with keys in which no digit counts as a number. `textOf`: what the tool compares.
 */
export function textOrdered(
  migrations: readonly FileMigration[],
  textOf: (version: string) => string = (version) => version,
): FileMigration[] {
  const sorted = migrations.toSorted((a, b) => compareText(textOf(a.version), textOf(b.version)));
  const isNatural = sorted.every(
    ({ version }, at) => at === 0 || compareVersions(sorted[at - 1]!.version, version) <= 0,
  );
  return isNatural
    ? sorted
    : sorted.map((migration) =>
        Object.assign({}, migration, { order: withoutDigits(textOf(migration.version)) }),
      );
}

/** Shifts everything from `0` on behind the digits: the same order, and no run of digits is left. */
const withoutDigits = (text: string): string =>
  String.fromCodePoint(
    ...Array.from(text, (char) => char.codePointAt(0)!).map((code) =>
      code < 0x30 ? code : code + 10,
    ),
  );
