import type { StoreSurvey } from "../../domain/backup/backup-store.ts";
import { readManifest, isBackupId } from "./manifest-object.ts";
import { packsOfList, type ReadableObjects } from "./page-list.ts";

/** Objects that no manifest leads to, by folder and name. */
export interface Unneeded {
  readonly names: readonly string[];
}

/**
 * What the published backups need: every list they name, and every pack that those name. A manifest
 * or list that cannot be read rejects: nothing may be removed then, for who knows what it needs.
 */
async function neededBy(
  store: ReadableObjects,
  backups: readonly string[],
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  for (const backupId of backups) {
    const manifest = await readManifest(store, backupId);
    for (const list of manifest?.content.segments.flat() ?? []) {
      if (needed.has(`lists/${list}`)) continue;
      needed.add(`lists/${list}`);
      for (const pack of await packsOfList(store, list)) {
        needed.add(`packs/${pack}`);
        needed.add(`damaged/${pack}`);
      }
    }
  }
  return needed;
}

/** Objects that no published backup needs. */
export async function unneededIn(store: ReadableObjects): Promise<readonly string[]> {
  const { objects } = store;
  const found: string[] = [];
  // Before the manifests: what is written meanwhile is not looked at.
  for (const folder of ["packs", "lists", "damaged"])
    for (const name of await objects.list(folder)) found.push(`${folder}/${name}`);
  const backups = (await objects.list("manifests")).filter(isBackupId);
  const needed = await neededBy(store, backups);
  return found.filter((name) => !needed.has(name));
}

/** Counts what there is. */
export async function surveyOf(store: ReadableObjects): Promise<StoreSurvey> {
  const { objects } = store;
  const unneeded = new Set(await unneededIn(store));
  const sum = { objects: 0, bytes: 0 };
  const dead = { objects: 0, bytes: 0 };
  let backups = 0;
  for (const folder of ["packs", "lists", "manifests", "indexes", "keys", "damaged"])
    for (const name of await objects.list(folder)) {
      const bytes = (await objects.size(`${folder}/${name}`)) ?? 0;
      sum.objects += 1;
      sum.bytes += bytes;
      if (folder === "manifests") backups += 1;
      if (!unneeded.has(`${folder}/${name}`)) continue;
      dead.objects += 1;
      dead.bytes += bytes;
    }
  return { backups, ...sum, unneeded: dead };
}
