import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type {
  BackupManifest,
  StoreAccess,
  StoredContent,
} from "../../domain/backup/backup-store.ts";
import { ContentWriter } from "./content-writer.ts";
import { requireAbsent } from "../sqlite/files.ts";
import { createFiles, placeInline, restoreContent } from "./content-reader.ts";
import { EarlySync } from "./early-sync.ts";
import { placeInThreads } from "./place-in-threads.ts";
import { ThreadLane } from "./thread-lane.ts";
import { InlineLane } from "./lane.ts";
import type { SourceFile } from "./page-reader.ts";
import { notFound, readManifest } from "./manifest-object.ts";
import type { ReadableObjects } from "./page-list.ts";
import { openStore, pageStoreOf } from "./open-store.ts";
import { damaged, isDamage } from "./sealed-object.ts";
import { storing } from "./store-errors.ts";

/** Runs `use` with a directory for intermediate files, which is gone afterwards. */
export async function withWorkspace<T>(
  access: StoreAccess,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const { workspace } = pageStoreOf(access);
  await storing(async () => {
    // A process that was killed may have left one.
    await rm(workspace, { recursive: true, force: true });
    await mkdir(workspace, { recursive: true, mode: 0o700 });
  });
  try {
    return await use(workspace);
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

/** Threads that read, hash, pack, unpack. */
const THREADS = 2;
/** From here on threads pay, bytes: two of them take some 40 ms to start. */
const LARGE = 16 << 20;

const isLarge = (bytes: number): boolean => bytes >= LARGE;

export interface FileToStore extends SourceFile {
  /** Its name in the backup. */
  readonly name: string;
}

/**
 * Stores files' content; durable when it resolves. Never for files to which this process has a
 * database connection: closing a descriptor would drop its locks.
 */
export async function storeFiles(
  access: StoreAccess,
  files: readonly FileToStore[],
  onProgress: (fraction: number) => void,
): Promise<StoredContent> {
  const store = openStore(access);
  const writer = new ContentWriter({
    store,
    files,
    parent: await parentOf(store, access.parent),
    condemned: new Set(await store.objects.list("damaged")),
    lanes: (onPlaced) =>
      isLarge(files.reduce((sum, { bytes }) => sum + bytes, 0))
        ? Array.from({ length: THREADS }, () => new ThreadLane(access, files, onPlaced))
        : [new InlineLane(store.objects, store.keys.current, files, onPlaced)],
    onProgress,
  });
  return storing(() => writer.write());
}

/** Undefined if it is gone or cannot be read: the content is looked up page by page then. */
async function parentOf(
  store: ReadableObjects,
  parent: string | null,
): Promise<StoredContent | undefined> {
  if (parent === null) return undefined;
  try {
    return (await readManifest(store, parent))?.content;
  } catch {
    // Told by whoever verifies that backup; this one does not need it.
    return undefined;
  }
}

/** The manifest of a backup that must be there. Rejects with `backup-damaged` if it cannot be read. */
export async function requireManifest(access: StoreAccess): Promise<BackupManifest> {
  const manifest = await readManifest(openStore(access), access.backupId);
  if (manifest === undefined) throw notFound(access.backupId);
  return manifest;
}

export interface RestoreOptions {
  /** Whether the content must survive a power cut; a copy that is only compared need not. */
  readonly isToKeep?: boolean;
  readonly onProgress?: (fraction: number) => void;
}

/**
 * Writes the files of a backup to `paths`, in the order of its manifest, each page compared with
 * its digest. Nothing is left of them when it rejects.
 */
export async function restoreFiles(
  access: StoreAccess,
  { content }: BackupManifest,
  paths: readonly string[],
  { isToKeep = false, onProgress = () => {} }: RestoreOptions = {},
): Promise<void> {
  const store = openStore(access);
  const place = isLarge(content.bytes) ? placeInThreads(access, THREADS) : placeInline(store);
  try {
    await storing(async () => {
      createFiles(content, paths);
      const sync = isToKeep ? await EarlySync.open(paths) : undefined;
      try {
        await restoreContent(store, content, paths, place, (bytes) => {
          sync?.written(bytes);
          onProgress(Math.min(1, bytes / content.bytes));
        });
        await sync?.finish();
      } finally {
        await sync?.close();
      }
    });
  } catch (error) {
    for (const path of paths) await rm(path, { force: true });
    if (isDamage(error)) await condemn(store, error.details["object"]);
    throw error;
  }
}

/** See `DatabaseEngine.fetch`. */
export async function fetchContent(
  access: StoreAccess,
  directory: string,
): Promise<readonly string[]> {
  const manifest = await requireManifest(access);
  const names = manifest.content.files.map(({ name }) => name);
  const paths = names.map((name) => join(directory, name));
  for (const path of paths) await requireAbsent(path);
  await restoreFiles(access, manifest, paths, { isToKeep: true });
  return names;
}

/** From now on nothing in the pack counts as stored: the next backup stores those pages again. */
async function condemn({ objects }: ReadableObjects, object: unknown): Promise<void> {
  const pack = /^packs\/([0-9a-f]{32})$/.exec(String(object))?.[1];
  if (pack !== undefined) await objects.put(`damaged/${pack}`, []);
}

/** Compares what the store says of a backup with what was recorded of it. */
export function requireRecorded(
  { content, backupId }: BackupManifest,
  recorded: { readonly sha256: string; readonly bytes: number },
): void {
  if (content.sha256 === recorded.sha256 && content.bytes === recorded.bytes) return;
  throw damaged(
    `manifests/${backupId}`,
    `it says ${content.bytes} bytes ${content.sha256} instead of ${recorded.bytes} bytes ${recorded.sha256}`,
  );
}
