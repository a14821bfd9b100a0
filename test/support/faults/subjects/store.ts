import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { DataKeyTexts } from "../../../../src/infra/page-store/data-keys.ts";
import { DirectoryPlace } from "../../../../src/infra/page-store/backup-place.ts";
import { PageBackupStore } from "../../../../src/infra/page-store/page-backup-store.ts";
import { requireManifest, restoreFiles } from "../../../../src/infra/page-store/store-access.ts";
import Database from "better-sqlite3";
import { manifestOf } from "../../backups.ts";
import { databaseFile, readDatabase, withEngine, type Identity } from "./managed.ts";

/** The store is encrypted, as one that matters is. */
const KEYS: DataKeyTexts = { current: "5c".repeat(32), all: [] };

export const openStore = (root: string): PageBackupStore =>
  new PageBackupStore(new DirectoryPlace(join(root, "backups")), KEYS);

/** A store after a start of the service. */
export async function startStore(root: string): Promise<PageBackupStore> {
  const store = openStore(root);
  await store.clean();
  return store;
}

/** A backup, the digest of its pages, and that of what the database held. */
export interface Known {
  readonly id: string;
  readonly sha256: string;
  readonly digest: string;
}

/** Backs the database up; durable when it resolves. Answers the digest of its pages. */
export async function backUp(
  root: string,
  identity: Identity,
  id: string,
  parent: string | null,
): Promise<string> {
  const store = openStore(root);
  const access = await store.begin(id, parent);
  const { content, ...facts } = await withEngine(root, identity, (engine) =>
    engine.snapshot(access),
  );
  const { fingerprint, rows, applied, incarnation } = facts;
  await store.publish(id, manifestOf(id, content, { fingerprint, rows, applied, incarnation }));
  return content.sha256;
}

/** Backs up `count` states of the database, each with some more pages than the last. */
export async function makeBackups(
  root: string,
  identity: Identity,
  count: number,
): Promise<Known[]> {
  await startStore(root);
  const known: Known[] = [];
  for (let n = 0; n < count; n += 1) {
    change(root, n);
    const id = randomUUID();
    const sha256 = await backUp(root, identity, id, known.at(-1)?.id ?? null);
    known.push({ id, sha256, digest: readDatabase(databaseFile(root)).digest });
  }
  return known;
}

/** What the application does between backups. */
export function change(root: string, n: number): void {
  const db = new Database(databaseFile(root));
  db.exec(`UPDATE item SET label = label || '${"x".repeat(n + 1)}' WHERE id % 9 = ${n % 9}`);
  db.close();
}

/**
 * Brings a backup back beside the store: every page is compared with its digest, and all of them with the
 * manifest's. Answers that, or what went wrong.
 */
async function restored(root: string, store: PageBackupStore, id: string): Promise<string> {
  const directory = `${root}.restored`;
  mkdirSync(directory);
  try {
    const access = await store.access(id);
    const manifest = await requireManifest(access);
    await restoreFiles(access, manifest, [restoredFile(root)]);
    return manifest.content.sha256;
  } catch (error) {
    return String(error);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const restoredFile = (root: string): string => join(`${root}.restored`, "app.db");

/** Of backups that must be there those that are not, or are not what they were. */
export async function lostOf(
  root: string,
  store: PageBackupStore,
  known: readonly Pick<Known, "id" | "sha256">[],
): Promise<string[]> {
  const wrong: string[] = [];
  for (const { id, sha256 } of known) {
    const found = await restored(root, store, id);
    if (found !== sha256) wrong.push(`backup ${id} is lost: ${found}`);
  }
  return wrong;
}
