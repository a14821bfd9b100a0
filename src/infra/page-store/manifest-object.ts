import type { BackupManifest } from "../../domain/backup/backup-store.ts";
import { InvalidInput, NotFound } from "../../domain/shared/errors.ts";
import type { DataKey } from "./data-keys.ts";
import type { ReadableObjects } from "./page-list.ts";
import { ObjectReader } from "./object-reader.ts";
import { ObjectSealer, damaged } from "./sealed-object.ts";

/** Small letters only: a name that differs by case alone could be another file here. */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A file's name in a backup: nothing that could lead out of a directory. */
const FILE_NAME = /^[^/\0]{1,255}$/;

export const isBackupId = (name: string): boolean => ID.test(name);

/** The only way in for an id: nothing that could be a path gets further. */
export function validId(backupId: string): string {
  if (isBackupId(backupId)) return backupId;
  throw new InvalidInput("backup-id-invalid", "The backup's id is not a UUID", {
    hint: "Use an id from the list of backups",
  });
}

export const manifestPath = (backupId: string): string => `manifests/${validId(backupId)}`;

export function notFound(backupId: string): NotFound {
  return new NotFound("backup-not-found", `There is no stored backup ${backupId}`, {
    hint: "List the backups of the database, and see that the store's directory is complete",
  });
}

export function sealManifest(manifest: BackupManifest, key: DataKey | undefined): Buffer[] {
  return new ObjectSealer(key, "manifest").finish(manifest);
}

/**
 * Undefined if there is none. Rejects with `backup-damaged`, or with `backup-key-missing`. What it
 * resolves with has the shape that a restore relies on.
 */
export async function readManifest(
  { objects, keys }: ReadableObjects,
  backupId: string,
): Promise<BackupManifest | undefined> {
  const path = manifestPath(backupId);
  const object = await ObjectReader.open<BackupManifest>("manifest", path, keys, (offset, length) =>
    objects.get(path, offset, length),
  );
  if (object === undefined) return undefined;
  const manifest = object.directory;
  if (manifest.format !== 1 || manifest.backupId !== backupId)
    throw damaged(path, "it is not the manifest of this backup");
  if (!hasSoundContent(manifest)) throw damaged(path, "what it says of the content cannot be");
  const { frames: _, ...said } = manifest as BackupManifest & { readonly frames: unknown };
  return said;
}

/** Without encryption anybody could have written it. */
function hasSoundContent({ content }: BackupManifest): boolean {
  const { files, bytes, sha256, segments } = content ?? {};
  if (!Array.isArray(files) || !Array.isArray(segments) || typeof sha256 !== "string") return false;
  const sizes = files.map((file) => file.bytes);
  const names = new Set(files.map(({ name }) => name));
  return (
    sizes.every((size) => Number.isSafeInteger(size) && size >= 0) &&
    sizes.reduce((sum, size) => sum + size, 0) === bytes &&
    names.size === files.length &&
    files.every(({ name }) => FILE_NAME.test(name) && name !== "." && name !== "..") &&
    segments.every(
      (lists) => Array.isArray(lists) && lists.every((list) => /^[0-9a-f]{32}$/.test(list)),
    )
  );
}
