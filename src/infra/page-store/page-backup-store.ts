import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type {
  BackupManifest,
  BackupStore,
  Scratch,
  StoreAccess,
  StoreSurvey,
  Swept,
} from "../../domain/backup/backup-store.ts";
import { Conflict, InvalidInput, Unavailable } from "../../domain/shared/errors.ts";
import { makeDirectory } from "../files/atomic-write.ts";
import { aroundScratch, type BackupPlace, type StoredObjects } from "./backup-place.ts";
import { DataKeys, NO_KEYS, type DataKeyTexts } from "./data-keys.ts";
import {
  isBackupId,
  manifestPath,
  notFound,
  readManifest,
  sealManifest,
  validId,
} from "./manifest-object.ts";
import type { ReadableObjects } from "./page-list.ts";
import { isDamage } from "./sealed-object.ts";
import { toJson } from "./open-store.ts";
import { storing } from "./store-errors.ts";
import { neededFor, surveyOf, unneededIn } from "./sweep.ts";

const FOLDERS = ["packs", "lists", "manifests", "indexes", "keys", "damaged", "begun", "sweeping"];
/** The one name in the folder `sweeping`. */
const SWEEP = "sweeping/now";

/**
 * The backup store of a service: manifests, lists and packs as objects of some place, and marks for what is going on. A backup that was begun and a sweep exclude each other by their marks: each
 * puts its own and then looks for the other's.
 */
export class PageBackupStore implements BackupStore {
  readonly #place: BackupPlace;
  readonly #objects: StoredObjects;
  readonly #scratch: string;
  readonly #keys: DataKeyTexts;
  readonly #store: ReadableObjects;

  /** What this process has begun, and has published: a listing may not have it yet. */
  readonly #begun = new Set<string>();
  readonly #published = new Set<string>();

  constructor(place: BackupPlace, keys: DataKeyTexts = NO_KEYS) {
    this.#place = place;
    this.#objects = place.objects;
    this.#scratch = place.scratch;
    this.#keys = { current: keys.current, all: keys.all };
    this.#store = { objects: this.#objects, keys: new DataKeys(keys) };
  }

  /**
   * Removes what a crash left unfinished. Only at start, while this process has the data directory
   * for itself: it would take running backups away.
   */
  async clean(): Promise<void> {
    this.#begun.clear();
    await storing(async () => {
      await makeDirectory(this.#scratch);
      for (const directory of [aroundScratch(this.#place), this.#scratch])
        await chmod(directory, 0o700);
      for (const name of await readdir(this.#scratch))
        await rm(join(this.#scratch, name), { recursive: true, force: true });
    });
    await this.#objects.clean(FOLDERS);
    await this.#objects.delete(SWEEP, "passing");
    for (const backupId of await this.#objects.list("begun"))
      await this.#objects.delete(`begun/${backupId}`, "passing");
  }

  async begin(backupId: string, parent: string | null): Promise<StoreAccess> {
    const manifest = manifestPath(backupId);
    if ((await this.#objects.size(manifest)) !== undefined) throw alreadyThere(backupId);
    if (!(await this.#objects.put(begun(backupId), [], "passing"))) throw alreadyBegun(backupId);
    if ((await this.#objects.size(SWEEP)) !== undefined) {
      await this.#objects.delete(begun(backupId), "passing");
      throw busy("Space is being freed in the backup store");
    }
    const known = parent !== null && isBackupId(parent) ? parent : null;
    this.#begun.add(backupId);
    return this.#accessTo(backupId, known);
  }

  async publish(
    backupId: string,
    manifest: BackupManifest,
  ): Promise<{ readonly storedBytes: number }> {
    const path = manifestPath(backupId);
    if (manifest.backupId !== backupId)
      throw new InvalidInput("backup-id-differs", "The manifest belongs to another backup", {
        hint: "Publish each backup with its own manifest",
      });
    if ((await this.#objects.size(path)) !== undefined) throw alreadyThere(backupId);
    if ((await this.#objects.size(begun(backupId))) === undefined) throw notBegun(backupId);
    const parts = sealManifest(manifest, this.#store.keys.current);
    await this.#retain(manifest);
    if (!(await this.#objects.put(path, parts))) throw alreadyThere(backupId);
    this.#published.add(backupId);
    await this.#end(backupId);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    return { storedBytes: manifest.content.storedBytes + bytes };
  }

  async discard(backupId: string): Promise<void> {
    await this.#end(validId(backupId));
  }

  async manifest(backupId: string): Promise<BackupManifest | undefined> {
    try {
      return await readManifest(this.#store, backupId);
    } catch (error) {
      if (!isDamage(error)) throw error;
      throw new Unavailable("backup-manifest-damaged", `The manifest of ${backupId} is damaged`, {
        hint: "Use another backup; make a new one, and check the disk that holds the backups",
      });
    }
  }

  async access(backupId: string): Promise<StoreAccess> {
    if ((await this.#objects.size(manifestPath(backupId))) === undefined) throw notFound(backupId);
    return this.#accessTo(backupId, null);
  }

  async list(): Promise<readonly string[]> {
    return (await this.#objects.list("manifests")).filter(isBackupId);
  }

  async remove(backupId: string): Promise<{ readonly freedBytes: number }> {
    const path = manifestPath(backupId);
    const freedBytes = (await this.#objects.size(path)) ?? 0;
    await this.#objects.delete(path);
    this.#published.delete(backupId);
    return { freedBytes };
  }

  survey(): Promise<StoreSurvey> {
    return surveyOf(this.#store);
  }

  async sweep(known: readonly string[] = []): Promise<Swept> {
    if (!(await this.#objects.put(SWEEP, [], "passing")))
      throw busy("Space is being freed already");
    try {
      const running = new Set([...(await this.#objects.list("begun")), ...this.#begun]);
      if (running.size > 0) throw busy(`${running.size} backups are being written`);
      return await this.#removeUnneeded(new Set([...known, ...this.#published]));
    } finally {
      await this.#objects.delete(SWEEP, "passing");
    }
  }

  async hold(backups: readonly string[]): Promise<void> {
    const { hold } = this.#objects;
    if (hold !== undefined) await hold([...(await this.#allOf(backups))], true);
  }

  async release(backups: readonly string[], held: readonly string[]): Promise<void> {
    const { hold } = this.#objects;
    if (hold === undefined) return;
    const needed = await this.#allOf(held);
    const freed = [...(await this.#allOf(backups))].filter((name) => !needed.has(name));
    await hold(freed, false);
  }

  scratch(purpose: string): Promise<Scratch> {
    const name = purpose.replaceAll(/[^A-Za-z0-9-]/g, "-").slice(0, 40);
    return storing(async () => {
      await makeDirectory(this.#scratch);
      const path = await mkdtemp(join(this.#scratch, `${name}-`));
      const dispose = (): Promise<void> =>
        storing(() => rm(path, { recursive: true, force: true }));
      return { path, dispose };
    });
  }

  async #removeUnneeded(known: ReadonlySet<string>): Promise<Swept> {
    const swept = { objects: 0, freedBytes: 0 };
    for (const [name, bytes] of await unneededIn(this.#store, known)) {
      if (!(await this.#mayGo(name))) continue;
      swept.objects += 1;
      swept.freedBytes += bytes;
    }
    return swept;
  }

  /** False: the place keeps it for now, and a later sweep takes it. */
  async #mayGo(name: string): Promise<boolean> {
    try {
      await this.#objects.delete(name);
      return true;
    } catch (error) {
      if (error instanceof Conflict && error.code === "backup-locked") return false;
      throw error;
    }
  }

  /** Everything of the backups that are stored. */
  async #allOf(backups: readonly string[]): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    for (const backupId of backups) {
      const manifest = await this.manifest(backupId);
      if (manifest === undefined) continue;
      names.add(manifestPath(backupId));
      for (const name of await neededFor(this.#store, manifest)) names.add(name);
    }
    return names;
  }

  /** Before it is published: from then on it is relied on. */
  async #retain(manifest: BackupManifest): Promise<void> {
    const { retain } = this.#objects;
    if (retain === undefined) return;
    await retain([...(await neededFor(this.#store, manifest)), ...(await this.#wrapped())]);
  }

  /** Without a wrapped key nothing that is encrypted can be read. */
  async #wrapped(): Promise<readonly string[]> {
    return (await this.#objects.list("keys")).map((name) => `keys/${name}`);
  }

  async #end(backupId: string): Promise<void> {
    this.#begun.delete(backupId);
    await this.#objects.delete(begun(backupId), "passing");
    await storing(() => rm(this.#workspace(backupId), { recursive: true, force: true }));
  }

  #workspace(backupId: string): string {
    return join(this.#scratch, `begun-${backupId}`);
  }

  async #accessTo(backupId: string, parent: string | null): Promise<StoreAccess> {
    const workspace = this.#workspace(backupId);
    const place = await this.#place.forOthers();
    return { backupId, parent, store: toJson({ place, workspace, keys: this.#keys }) };
  }
}

const begun = (backupId: string): string => `begun/${validId(backupId)}`;

function alreadyThere(backupId: string): Conflict {
  return new Conflict("backup-exists", `Backup ${backupId} is stored already`, {
    hint: "A stored backup never changes: take another one",
  });
}

function alreadyBegun(backupId: string): Conflict {
  return new Conflict("backup-begun", `Backup ${backupId} is being made already`, {
    hint: "Wait for it, or discard it",
  });
}

function notBegun(backupId: string): Conflict {
  return new Conflict(
    "backup-not-begun",
    `Backup ${backupId} was not begun, or has been given up`,
    {
      hint: "Begin the backup and write its content first",
    },
  );
}

const busy = (why: string): Unavailable =>
  new Unavailable("backup-store-busy", `${why}; both at once could take away what is needed`, {
    hint: "Try again when it has ended",
  });
