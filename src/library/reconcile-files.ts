import { checksumOf } from "../domain/migration/migration.ts";
import type { FileMigration } from "../domain/migration/migration-source.ts";
import { compareVersions } from "../domain/migration/version-order.ts";
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
}

/** Compares by version and checksum, never by a high-water mark: a late one is not overlooked. */
export function compareFiles(
  files: readonly FileMigration[],
  registered: readonly MigrationView[],
  digest: Digest,
  to?: string,
): FileComparison {
  const known = new Map(registered.map((migration) => [migration.version, migration]));
  const inFolder = new Set(files.map(({ version }) => version));
  const isSame = (file: FileMigration): boolean =>
    known.get(file.version)?.checksum === checksumOf(file, digest);
  const differing = files.filter((file) => known.has(file.version) && !isSame(file));
  const isApplied = ({ version }: { readonly version: string }): boolean =>
    known.get(version)?.state === "applied";
  const absent = registered.filter(({ version }) => !inFolder.has(version));
  return {
    fresh: files.filter(({ version }) => !known.has(version)),
    changed: differing.filter(isApplied),
    edited: differing.filter((file) => !isApplied(file)),
    missing: absent.filter(isApplied),
    gone: absent.filter(({ state }) => state === "pending" || state === "failed"),
    pending: files.filter((file) => !isApplied(file) && isUpTo(file.version, to)),
  };
}

const isUpTo = (version: string, to: string | undefined): boolean =>
  to === undefined || to === "latest" || compareVersions(version, to) <= 0;
