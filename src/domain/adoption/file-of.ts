import type { FileMigration } from "../migration/migration-source.ts";
import type { FileMatch } from "./reading.ts";

/** Finds the file of a row, if there is one. */
export function fileOf(
  { toolId, name, number, version, checksum }: FileMatch,
  files: readonly FileMigration[],
  isSame: (file: FileMigration) => boolean,
): FileMigration | undefined {
  const tests: ((file: FileMigration) => boolean)[] = [];
  if (toolId !== undefined) tests.push(({ origin }) => origin?.name === toolId);
  if (name !== undefined) tests.push((file) => isCalled(file, name));
  if (checksum === true) tests.push(isSame);
  if (number !== undefined) tests.push((file) => digitsOf(versionOf(file)) === digitsOf(number));
  if (version !== undefined)
    tests.push((file) => file.version === version || versionOf(file) === version);
  // A file that stands for others is the last to be thought of.
  const ordered = files.toSorted(
    (a, b) => Number(a.baseline ?? false) - Number(b.baseline ?? false),
  );
  for (const test of tests) {
    const found = ordered.find(test);
    if (found !== undefined) return found;
  }
  return undefined;
}

const versionOf = ({ origin, version }: FileMigration): string => origin?.version ?? version;

/** By path, by the name of file or folder, with or without an ending. */
function isCalled({ files, origin }: FileMigration, name: string): boolean {
  const wanted = name.replaceAll("\\", "/");
  if (origin?.name === wanted) return true;
  return files.some((file) => {
    const parts = file.split("/");
    const last = parts.at(-1)!;
    const stem = last.replace(/(?:\.(?:up|down))?\.[A-Za-z0-9]+$/, "");
    return [file, last, stem, ...parts.slice(0, -1)].some(
      (candidate) => candidate === wanted || wanted.endsWith(`/${candidate}`),
    );
  });
}

/** Digits alone, without zeros in front: Diesel takes dashes out, golang-migrate zeros. */
export const digitsOf = (version: string): string => {
  const digits = version.replaceAll(/[-_]/g, "");
  return /^\d+$/.test(digits) ? digits.replace(/^0+(?=\d)/, "") : version;
};
