import { checksumOf } from "../domain/migration/migration.ts";
import { compareMigrations, highest } from "../domain/migration/migration-order.ts";
import { inputOf, type FileMigration } from "../domain/migration/migration-source.ts";
import type { Digest } from "../domain/shared/digest.ts";
import type { MigrationView } from "./desk.ts";

/** The files compared with what is registered. */
export interface FileComparison {
  /** In the folder and not registered. */
  readonly fresh: readonly FileMigration[];
  /** Registered otherwise and applied: never accepted silently. */
  readonly changed: readonly FileMigration[];
  /** Registered otherwise and not applied: the file was edited since. */
  readonly edited: readonly FileMigration[];
  /** Registered and applied, without a file: an older checkout, or a file that was removed. */
  readonly missing: readonly MigrationView[];
  /** Registered, never applied, without a file. */
  readonly gone: readonly MigrationView[];
  /** What is to be applied, up to `to`. */
  readonly pending: readonly FileMigration[];
  /** Of those, what has its place below something that is applied. */
  readonly late: readonly FileMigration[];
}

const isAccepted = (migration: MigrationView | undefined, what: string): boolean =>
  migration?.accepted?.some(({ deviation }) => deviation === what) ?? false;

/** Compares by version and checksum, never by a high-water mark: a late one is not overlooked. */
export function compareFiles(
  files: readonly FileMigration[],
  all: readonly MigrationView[],
  digest: Digest,
  to?: string,
): FileComparison {
  // What another tool had applied, and undone again, is known by its number alone.
  const registered = all.filter(({ checksum, state }) => checksum !== null || state === "applied");
  const known = new Map(registered.map((migration) => [migration.version, migration]));
  const inFolder = new Set(files.flatMap(({ version, earlier = [] }) => [version, ...earlier]));
  const isSame = (file: FileMigration): boolean => {
    const checksum = known.get(file.version)?.checksum;
    // Of what another tool applied, nobody has shown the text.
    return checksum === null || checksum === checksumOf(inputOf(file), digest);
  };
  const differing = files.filter((file) => known.has(file.version) && !isSame(file));
  const isApplied = ({ version }: { readonly version: string }): boolean =>
    known.get(version)?.state === "applied";
  const absent = registered.filter(({ version }) => !inFolder.has(version));
  const last = [...files, ...registered].find(({ version }) => version === to);
  const pending = files.filter(
    (file) => !isApplied(file) && (last === undefined || compareMigrations(file, last) <= 0),
  );
  const newest = highest(registered.filter(isApplied));
  return {
    fresh: files.filter(({ version }) => !known.has(version)),
    changed: differing.filter(isApplied),
    edited: differing.filter((file) => !isApplied(file)),
    missing: absent.filter((one) => isApplied(one) && !isAccepted(one, "missing")),
    gone: absent.filter(({ state }) => state === "pending" || state === "failed"),
    pending,
    late: pending.filter(
      (file) =>
        newest !== undefined &&
        compareMigrations(file, newest) < 0 &&
        !isAccepted(known.get(file.version), "out-of-order"),
    ),
  };
}
