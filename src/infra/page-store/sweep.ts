import type { BackupManifest, StoreSurvey } from "../../domain/backup/backup-store.ts";
import { readManifest, isBackupId } from "./manifest-object.ts";
import { packsOfList, type ReadableObjects } from "./page-list.ts";

/**
 * What the published backups need: every list they name, and every pack that those name. A manifest
 * or list that cannot be read rejects: nothing may be removed then, for who knows what it needs.
 */
async function neededBy(
  store: ReadableObjects,
  backups: Iterable<string>,
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  await eachAtOnce(store, backups, async (backupId) => {
    const manifest = await readManifest(store, backupId);
    if (manifest !== undefined) await collect(store, manifest, needed);
  });
  return needed;
}

/** Lists and packs that a backup is put together of. */
export async function neededFor(
  store: ReadableObjects,
  manifest: BackupManifest,
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  await collect(store, manifest, needed);
  return new Set([...needed].filter((name) => !name.startsWith("damaged/")));
}

async function collect(
  store: ReadableObjects,
  { content }: BackupManifest,
  needed: Set<string>,
): Promise<void> {
  for (const list of content.segments.flat()) {
    if (needed.has(`lists/${list}`)) continue;
    needed.add(`lists/${list}`);
    for (const pack of await packsOfList(store, list)) {
      needed.add(`packs/${pack}`);
      needed.add(`damaged/${pack}`);
    }
  }
}

/** As many at once as the place is worth asking. */
async function eachAtOnce(
  { objects }: ReadableObjects,
  items: Iterable<string>,
  work: (item: string) => Promise<void>,
): Promise<void> {
  const left = new Set(items).values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: objects.atOnce }, worker));
}

/**
 * Objects that no published backup needs, with their bytes. `known`: backups that count as published
 * although a listing may not have them.
 */
export async function unneededIn(
  store: ReadableObjects,
  known: ReadonlySet<string> = new Set(),
): Promise<ReadonlyMap<string, number>> {
  const { objects } = store;
  const found = new Map<string, number>();
  // Before the manifests: what is written meanwhile is not looked at.
  for (const folder of ["packs", "lists", "damaged"])
    for (const [name, bytes] of await objects.sizes(folder)) found.set(`${folder}/${name}`, bytes);
  const backups = (await objects.list("manifests")).filter(isBackupId);
  for (const name of await neededBy(store, [...backups, ...known])) found.delete(name);
  return found;
}

/** Counts what there is. */
export async function surveyOf(store: ReadableObjects): Promise<StoreSurvey> {
  const { objects } = store;
  const unneeded = await unneededIn(store);
  const sum = { objects: 0, bytes: 0 };
  const dead = { objects: 0, bytes: 0 };
  let backups = 0;
  for (const folder of ["packs", "lists", "manifests", "indexes", "keys", "damaged"])
    for (const [name, bytes] of await objects.sizes(folder)) {
      sum.objects += 1;
      sum.bytes += bytes;
      if (folder === "manifests") backups += 1;
      if (!unneeded.has(`${folder}/${name}`)) continue;
      dead.objects += 1;
      dead.bytes += bytes;
    }
  return { backups, ...sum, unneeded: dead };
}
