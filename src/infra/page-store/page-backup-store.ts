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
import { DataKeys, NO_KEYS, type DataKeyTexts } from "./data-keys.ts";
import { FileObjectStore } from "./file-object-store.ts";
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
import { surveyOf, unneededIn } from "./sweep.ts";

const SCRATCH = "scratch";
const FOLDERS = ["packs", "lists", "manifests", "indexes", "keys", "damaged", "begun", "sweeping"];
/** The one name in the folder `sweeping`. */
const SWEEP = "sweeping/now";

/**
 * The backup store of a service: manifests, lists and packs as objects of a directory, and marks
 * for what is going on. A backup that was begun and a sweep exclude each other by their marks: each
 * puts its own and then looks for the other's.
 */
export class PageBackupStore implements BackupStore {
  readonly #root: string;
  readonly #objects: FileObjectStore;
  readonly #scratch: string;
  readonly #keys: DataKeyTexts;
  readonly #store: ReadableObjects;

  /** `root` is an absolute path; it is created when it is needed. */
  constructor(root: string, keys: DataKeyTexts = NO_KEYS) {
    this.#root = root;
    this.#objects = new FileObjectStore(root);
    this.#scratch = join(root, SCRATCH);
    this.#keys = { current: keys.current, all: keys.all };
    this.#store = { objects: this.#objects, keys: new DataKeys(keys) };
  }

  /**
   * Removes what a crash left unfinished. Only at start, while this process has the data directory
   * for itself: it would take running backups away.
   */
  async clean(): Promise<void> {
    await storing(async () => {
      await makeDirectory(this.#scratch);
      for (const directory of [this.#root, this.#scratch]) await chmod(directory, 0o700);
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
    if (!(await this.#objects.put(path, parts))) throw alreadyThere(backupId);
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
    return { freedBytes };
  }

  survey(): Promise<StoreSurvey> {
    return surveyOf(this.#store);
  }

  async sweep(): Promise<Swept> {
    if (!(await this.#objects.put(SWEEP, [], "passing")))
      throw busy("Space is being freed already");
    try {
      const running = await this.#objects.list("begun");
      if (running.length > 0) throw busy(`${running.length} backups are being written`);
      return await this.#removeUnneeded();
    } finally {
      await this.#objects.delete(SWEEP, "passing");
    }
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

  async #removeUnneeded(): Promise<Swept> {
    let freedBytes = 0;
    const names = await unneededIn(this.#store);
    for (const name of names) {
      freedBytes += (await this.#objects.size(name)) ?? 0;
      await this.#objects.delete(name);
    }
    return { objects: names.length, freedBytes };
  }

  async #end(backupId: string): Promise<void> {
    await this.#objects.delete(begun(backupId), "passing");
    await storing(() => rm(this.#workspace(backupId), { recursive: true, force: true }));
  }

  #workspace(backupId: string): string {
    return join(this.#scratch, `begun-${backupId}`);
  }

  #accessTo(backupId: string, parent: string | null): StoreAccess {
    const workspace = this.#workspace(backupId);
    const store = toJson({ directory: this.#root, workspace, keys: this.#keys });
    return { backupId, parent, store };
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
