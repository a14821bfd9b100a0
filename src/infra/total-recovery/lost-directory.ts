import { constants } from "node:fs";
import { cp, copyFile, mkdir, readFile, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BackupManifest } from "../../domain/backup/backup-store.ts";
import { Conflict, InvalidInput, NotFound } from "../../domain/shared/errors.ts";
import { exists } from "../files/exists.ts";
import { fsyncDirectory, makeDirectory, writeFileAtomic } from "../files/atomic-write.ts";
import { openToRead } from "../page-store/backup-keys.ts";
import { DirectoryPlace, type BackupPlace } from "../page-store/backup-place.ts";
import { PageBackupStore } from "../page-store/page-backup-store.ts";
import { fetchContent } from "../page-store/store-access.ts";
import { fsyncPath } from "../sqlite/files.ts";

/** A backup store that nothing else is left of. */
export class LostDirectory {
  /** Null: it is a bucket. */
  readonly path: string | null;
  /** For people. */
  readonly name: string;
  readonly store: PageBackupStore;
  /** Every manifest that can be read, oldest first. */
  readonly manifests: readonly BackupManifest[];
  /** Ids of those that cannot. */
  readonly damaged: readonly string[];

  private constructor(
    path: string | null,
    name: string,
    store: PageBackupStore,
    manifests: readonly BackupManifest[],
    damaged: readonly string[],
  ) {
    this.path = path;
    this.name = name;
    this.store = store;
    this.manifests = manifests;
    this.damaged = damaged;
  }

  /**
   * `identityFile` opens encrypted backups. Errors: InvalidInput not-a-backup-store · Unavailable
   * backup-identity-missing, backup-identity-wrong.
   */
  static async open(path: string, identityFile?: string): Promise<LostDirectory> {
    if (!(await exists(join(path, "manifests"))))
      throw noBackups(
        path,
        "Name the directory `backups` of the data directory that was lost, or a copy of it",
      );
    return LostDirectory.#read(path, path, new DirectoryPlace(path), identityFile);
  }

  /** As `open`, for a place that is no directory. */
  static async openPlace(place: BackupPlace, identityFile?: string): Promise<LostDirectory> {
    const name = place.recorded?.url ?? "the place";
    if ((await place.objects.list("manifests")).length === 0)
      throw noBackups(name, "Name bucket and prefix as they were given with --backups");
    return LostDirectory.#read(null, name, place, identityFile);
  }

  static async #read(
    path: string | null,
    name: string,
    place: BackupPlace,
    identityFile?: string,
  ): Promise<LostDirectory> {
    const store = new PageBackupStore(place, await openToRead(place.objects, identityFile));
    const manifests: BackupManifest[] = [];
    const damaged: string[] = [];
    for (const id of await store.list()) {
      try {
        const manifest = await store.manifest(id);
        if (manifest !== undefined) manifests.push(manifest);
      } catch {
        // Told at the end; the others are all there is.
        damaged.push(id);
      }
    }
    const sorted = manifests.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    return new LostDirectory(path, name, store, sorted, damaged);
  }

  /**
   * Writes the newest ledger that can be read to `directory`. Error: NotFound no-ledger-backup.
   */
  async newestLedger(directory: string): Promise<{ readonly file: string; readonly id: string }> {
    for (const { backupId, kind } of this.manifests.toReversed()) {
      if (kind !== "ledger") continue;
      const place = join(directory, backupId);
      await mkdir(place, { recursive: true, mode: 0o700 });
      try {
        const [name] = await fetchContent(await this.store.access(backupId), place);
        return { file: join(place, name!), id: backupId };
      } catch {
        // Damaged: the one before is tried. If it is behind, the anchors will say so.
        await rm(place, { recursive: true, force: true });
      }
    }
    throw new NotFound("no-ledger-backup", `${this.name} holds no ledger that can be read`, {
      hint: "Give a copy of ledger.db with --ledger, or bring the databases back with --databases-only",
    });
  }

  /** Newest verified-looking full backup of each database, newest first. */
  databases(): ReadonlyMap<string, readonly BackupManifest[]> {
    const found = new Map<string, BackupManifest[]>();
    for (const manifest of this.manifests.toReversed())
      if (manifest.kind === "full")
        found.set(manifest.database, [...(found.get(manifest.database) ?? []), manifest]);
    return found;
  }

  /** Makes the backups part of a data directory; a no-op if they are, or are to stay in their bucket. */
  async moveInto(data: string): Promise<void> {
    const target = join(data, "backups");
    if (this.path === null || target === this.path) return;
    if (await exists(target))
      throw new Conflict("data-not-empty", `There are backups in ${data} already`, {
        hint: "Name a directory that does not exist",
      });
    // Complete or not there: a copy that was interrupted is made again.
    const part = join(data, "backups.part");
    await rm(part, { recursive: true, force: true });
    await cp(this.path, part, { recursive: true, mode: constants.COPYFILE_FICLONE });
    await syncTree(part);
    await rename(part, target);
    await fsyncDirectory(data);
  }
}

const noBackups = (name: string, hint: string): InvalidInput =>
  new InvalidInput("not-a-backup-store", `${name} holds no backups`, { hint });

/** Error: Conflict data-not-empty. */
export async function requireNoLedger(data: string): Promise<void> {
  if (!(await exists(join(data, "ledger.db")))) return;
  throw new Conflict("data-not-empty", `There is a ledger in ${data}`, {
    hint: "Name a directory that does not exist: nothing is ever overwritten",
  });
}

/** The ledger's file appears last: until then the recovery can be repeated. */
export async function placeLedger(file: string, data: string): Promise<void> {
  const part = join(data, "ledger.db.part");
  await copyFile(file, part);
  await fsyncPath(part);
  await rename(part, join(data, "ledger.db"));
  await fsyncDirectory(data);
}

const KEY_FILE = /^(origin|pepper|admin\.key|actors\.json|signing(-[0-9a-f]{8})?\.pem)$/;

/** Copies what a ledger cannot go on without. Error: NotFound key-files-missing. */
export async function placeKeys(from: string, data: string, origin: string): Promise<void> {
  const names = (await readdir(from)).filter((name) => KEY_FILE.test(name));
  for (const needed of ["origin", "pepper"])
    if (!names.includes(needed))
      throw new NotFound("key-files-missing", `${from} lacks ${needed}`, {
        hint: "Name a copy of the directory `keys` of the data directory that was lost",
      });
  const keys = join(data, "keys");
  await makeDirectory(keys);
  for (const name of names)
    await writeFileAtomic(join(keys, name), await readFile(join(from, name)));
  await placeSubjectKeys(join(from, "subjects"), join(keys, "subjects"));
  const found = (await readFile(join(keys, "origin"), "utf8")).trim();
  if (found !== origin)
    throw new Conflict(
      "keys-of-other-ledger",
      `The keys are of ${found}, the ledger is ${origin}`,
      {
        hint: "Name the keys of this ledger",
      },
    );
}

/** Without them what people wrote in their own words stays sealed. */
async function placeSubjectKeys(from: string, to: string): Promise<void> {
  if (!(await exists(from))) return;
  await makeDirectory(to);
  for (const name of await readdir(from))
    await writeFileAtomic(join(to, name), await readFile(join(from, name)));
}

/** A ledger whose keys are lost keeps its name. */
export async function nameLedger(data: string, origin: string): Promise<void> {
  await makeDirectory(join(data, "keys"));
  await writeFileAtomic(join(data, "keys", "origin"), `${origin}\n`);
}

async function syncTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else await fsyncPath(path);
  }
  await fsyncDirectory(directory);
}
