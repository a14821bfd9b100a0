import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BackupManifest, BackupStore, Scratch } from "../../domain/backup/backup-store.ts";
import { Conflict, InvalidInput, NotFound } from "../../domain/shared/errors.ts";
import { fsyncDirectory, makeDirectory, writeFileAtomic } from "../files/atomic-write.ts";
import { restrict, seal } from "./sealed-directory.ts";
import { isMissing, isTaken, storing, unreadableManifest } from "./store-errors.ts";

const SNAPSHOT = "snapshot.sqlite";
const MANIFEST = "manifest.json";
const STAGING = "staging";
const SCRATCH = "scratch";
const PUBLISHING = ".publishing";

/** Small letters only: a name that differs by case alone would be another directory here. */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Backups in a directory: `<root>/<id>/` holds the snapshot and its manifest, and appears by one
 * rename. `<root>/staging` and `<root>/scratch` hold nothing that must survive a crash. Rejects
 * with `backup-store-full` or `backup-store-failed` when the file system refuses.
 */
export class FileBackupStore implements BackupStore {
  readonly #root: string;
  readonly #staging: string;
  readonly #scratch: string;

  /** `root` is an absolute path; it is created when it is needed. */
  constructor(root: string) {
    this.#root = root;
    this.#staging = join(root, STAGING);
    this.#scratch = join(root, SCRATCH);
  }

  /**
   * Removes what a crash left unpublished. Only at start, while this process has the data
   * directory for itself: it would take running backups away.
   */
  clean(): Promise<void> {
    return storing(async () => {
      await this.#prepare();
      for (const directory of [this.#root, this.#staging, this.#scratch]) {
        await restrict(directory);
      }
      for (const directory of [this.#staging, this.#scratch]) {
        for (const name of await readdir(directory)) {
          await removeTree(join(directory, name));
        }
      }
    });
  }

  /**
   * The path may become a file, or a directory of raw files. Rejects `Conflict` with
   * `backup-exists` or `backup-staged`.
   */
  async stage(backupId: string): Promise<string> {
    const directory = this.#staged(backupId);
    if ((await this.manifest(backupId)) !== undefined) {
      throw alreadyThere(backupId);
    }
    return storing(async () => {
      await this.#prepare();
      try {
        await mkdir(directory, { mode: 0o700 });
      } catch (error) {
        throw isTaken(error) ? alreadyStaged(backupId) : error;
      }
      return join(directory, SNAPSHOT);
    });
  }

  /** Rejects `Conflict` with `backup-exists`, `backup-not-staged` or `backup-incomplete`. */
  async publish(
    backupId: string,
    manifest: BackupManifest,
  ): Promise<{ readonly storedBytes: number }> {
    const staged = this.#staged(backupId);
    if (manifest.backupId !== backupId) {
      throw new InvalidInput("backup-id-differs", "The manifest belongs to another backup", {
        hint: "Publish each backup with its own manifest",
      });
    }
    const claimed = `${staged}${PUBLISHING}`;
    await this.#claim(backupId, claimed);
    try {
      return await storing(() => this.#publishClaimed(backupId, claimed, manifest));
    } catch (error) {
      await giveBack(claimed, staged);
      throw error;
    }
  }

  async discard(backupId: string): Promise<void> {
    const directory = this.#staged(backupId);
    await storing(() => removeTree(directory));
  }

  /** Rejects `Unavailable` with `backup-manifest-damaged`. */
  async manifest(backupId: string): Promise<BackupManifest | undefined> {
    const file = join(this.#published(backupId), MANIFEST);
    const text = await storing(() => readIfThere(file));
    return text === undefined ? undefined : parseManifest(text, backupId);
  }

  /** The snapshot's file, or the directory that holds the raw files. */
  async locate(backupId: string): Promise<string> {
    const directory = this.#published(backupId);
    const names = await storing(() => namesIn(directory));
    if (!names.includes(MANIFEST)) {
      throw new NotFound("backup-not-found", `There is no stored backup ${backupId}`, {
        hint: "List the backups of the database, and see that the store's directory is complete",
      });
    }
    return names.includes(SNAPSHOT) ? join(directory, SNAPSHOT) : directory;
  }

  async list(): Promise<readonly string[]> {
    const names = await storing(() => namesIn(this.#root));
    return names.filter((name) => ID.test(name)).toSorted();
  }

  scratch(purpose: string): Promise<Scratch> {
    const name = purpose.replaceAll(/[^A-Za-z0-9-]/g, "-").slice(0, 40);
    return storing(async () => {
      await this.#prepare();
      const path = await mkdtemp(join(this.#scratch, `${name}-`));
      return { path, dispose: () => storing(() => removeTree(path)) };
    });
  }

  async #prepare(): Promise<void> {
    await makeDirectory(this.#root);
    await makeDirectory(this.#staging);
    await makeDirectory(this.#scratch);
  }

  /** Of several publishers one wins the rename: the directory is its alone. */
  async #claim(backupId: string, claimed: string): Promise<void> {
    if ((await this.manifest(backupId)) !== undefined) {
      throw alreadyThere(backupId);
    }
    const isClaimed = await storing(() => renameIfThere(this.#staged(backupId), claimed));
    if (!isClaimed) {
      throw new Conflict(
        "backup-not-staged",
        `Backup ${backupId} is not staged, or being published`,
        {
          hint: "Stage the backup and write its snapshot first",
        },
      );
    }
  }

  async #publishClaimed(
    backupId: string,
    claimed: string,
    manifest: BackupManifest,
  ): Promise<{ readonly storedBytes: number }> {
    await rm(join(claimed, MANIFEST), { force: true });
    const snapshotBytes = await seal(claimed);
    if (snapshotBytes !== manifest.bytes && manifest.kind !== "raw") {
      throw incomplete(backupId, snapshotBytes, manifest.bytes);
    }
    const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
    await writeFileAtomic(join(claimed, MANIFEST), text);
    try {
      await rename(claimed, this.#published(backupId));
    } catch (error) {
      throw isTaken(error) ? alreadyThere(backupId) : error;
    }
    await fsyncDirectory(this.#root);
    await fsyncDirectory(this.#staging);
    return { storedBytes: snapshotBytes + Buffer.byteLength(text) };
  }

  #staged(backupId: string): string {
    return join(this.#staging, validId(backupId));
  }

  #published(backupId: string): string {
    return join(this.#root, validId(backupId));
  }
}

/** The only way in for an id: nothing that could be a path gets further. */
function validId(backupId: string): string {
  if (!ID.test(backupId)) {
    throw new InvalidInput("backup-id-invalid", "The backup's id is not a UUID", {
      hint: "Use an id from the list of backups",
    });
  }
  return backupId;
}

function parseManifest(text: string, backupId: string): BackupManifest {
  let manifest: BackupManifest;
  try {
    manifest = JSON.parse(text) as BackupManifest;
  } catch {
    // Told by its own words: the parser's quote the content.
    throw unreadableManifest(backupId);
  }
  if (manifest?.format !== 1 || manifest.backupId !== backupId) {
    throw unreadableManifest(backupId);
  }
  return manifest;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    return isMissing(error) ? undefined : Promise.reject(error);
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    return isMissing(error) ? [] : Promise.reject(error);
  }
}

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    return isMissing(error) || isTaken(error) ? false : Promise.reject(error);
  }
}

/** So that a publication that failed can be tried again, or discarded. */
async function giveBack(claimed: string, staged: string): Promise<void> {
  try {
    await rename(claimed, staged);
  } catch {
    // Published after all, or a broken disk, whose error is being told already. `clean` removes
    // what is left.
  }
}

async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

function alreadyThere(backupId: string): Conflict {
  return new Conflict("backup-exists", `Backup ${backupId} is stored already`, {
    hint: "A stored backup never changes: take another one",
  });
}

function alreadyStaged(backupId: string): Conflict {
  return new Conflict("backup-staged", `Backup ${backupId} is being made already`, {
    hint: "Wait for it, or discard it",
  });
}

function incomplete(backupId: string, found: number, expected: number): Conflict {
  return new Conflict(
    "backup-incomplete",
    `Backup ${backupId} has ${found} bytes staged where its manifest says ${expected}`,
    { hint: "Discard it and take the backup again" },
  );
}
