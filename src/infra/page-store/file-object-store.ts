import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { threadedCalls, type FileCalls, type OpenFile } from "./file-calls.ts";
import { isObjectName, requireObjectName } from "./object-name.ts";
import type { ObjectStore } from "./object-store.ts";
import { isMissing, isTaken, storing } from "./store-errors.ts";

/** Begins the names of files that are not objects yet; a crash may leave them. */
const UNFINISHED = ".";

/**
 * Objects as files of a directory, readable by the service's user alone. Written beside under
 * another name, synced, then linked into place, so that several processes can write at once.
 * Rejects with `backup-store-full` or `backup-store-failed` when the file system refuses.
 */
export class FileObjectStore implements ObjectStore {
  /** A disk is no faster for several at once. */
  readonly atOnce = 1;
  readonly #root: string;
  readonly #calls: FileCalls;

  /** `root` is an absolute path; folders in it are made when they are needed. */
  constructor(root: string, calls: FileCalls = threadedCalls) {
    this.#root = root;
    this.#calls = calls;
  }

  put(name: string, parts: readonly Uint8Array[], passing?: "passing"): Promise<boolean> {
    const path = this.#path(name);
    return storing(async () => {
      if (passing !== undefined) return this.#mark(path);
      const folder = dirname(path);
      const unfinished = join(folder, `${UNFINISHED}${randomUUID()}`);
      try {
        await this.#writeParts(folder, unfinished, parts);
        await this.#calls.link(unfinished, path);
      } catch (error) {
        await this.#calls.remove(unfinished);
        if (!isTaken(error)) throw error;
        // Whoever put it may not have synced it yet, and the answer promises that it is durable.
        await this.#syncFolder(folder);
        return false;
      }
      await this.#calls.unlink(unfinished);
      await this.#syncFolder(folder);
      return true;
    });
  }

  get(name: string, offset = 0, length?: number): Promise<Buffer | undefined> {
    const path = this.#path(name);
    return storing(async () => {
      const file = await this.#calls.open(path, "r").catch(missing);
      if (file === undefined) return undefined;
      try {
        const wanted = Math.min(length ?? Infinity, Math.max(0, (await file.size()) - offset));
        const bytes = Buffer.allocUnsafeSlow(wanted);
        for (let filled = 0; filled < wanted;) {
          const bytesRead = await file.read(bytes, filled, wanted - filled, offset + filled);
          if (bytesRead === 0) return bytes.subarray(0, filled);
          filled += bytesRead;
        }
        return bytes;
      } finally {
        await file.close();
      }
    });
  }

  size(name: string): Promise<number | undefined> {
    const path = this.#path(name);
    return storing(() => this.#calls.size(path).catch(missing));
  }

  list(folder: string): Promise<readonly string[]> {
    return storing(async () => {
      const names = (await this.#calls.names(join(this.#root, folder)).catch(missing)) ?? [];
      return names.filter((name) => isObjectName(`${folder}/${name}`)).toSorted();
    });
  }

  async sizes(folder: string): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    for (const name of await this.list(folder)) {
      const bytes = await this.size(`${folder}/${name}`);
      if (bytes !== undefined) sizes.set(name, bytes);
    }
    return sizes;
  }

  delete(name: string, passing?: "passing"): Promise<void> {
    const path = this.#path(name);
    return storing(async () => {
      const gone = await this.#calls.unlink(path).then(() => true, missing);
      if (gone === true && passing === undefined) await this.#syncFolder(dirname(path));
    });
  }

  /**
   * Removes what writers that died have left, and makes the folders that are missing, at once for all: each
   * would be synced by its first object. Only while nobody can be writing.
   */
  clean(folders: readonly string[]): Promise<void> {
    return storing(async () => {
      let isNew = false;
      for (const folder of folders) {
        const path = join(this.#root, folder);
        const names = await this.#calls.names(path).catch(missing);
        for (const name of (names ?? []).filter((one) => one.startsWith(UNFINISHED)))
          await this.#calls.remove(join(path, name));
        if (names !== undefined) continue;
        await this.#calls.makeFolder(path);
        isNew = true;
      }
      if (isNew) await this.#syncFolder(this.#root);
    });
  }

  #path(name: string): string {
    return join(this.#root, requireObjectName(name));
  }

  /** An empty file that lives as long as the machine runs. False if it is there. */
  async #mark(path: string): Promise<boolean> {
    try {
      const file = await this.#openNew(dirname(path), path);
      await file.close();
      return true;
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  }

  /** Makes the folder if it is the first file in it. */
  #openNew(folder: string, path: string): Promise<OpenFile> {
    return this.#calls.open(path, "wx", 0o600).catch(async (error: unknown) => {
      if (!isMissing(error)) throw error;
      await this.#calls.makeFolder(folder);
      await this.#syncFolder(dirname(folder));
      return this.#calls.open(path, "wx", 0o600);
    });
  }

  async #writeParts(folder: string, path: string, parts: readonly Uint8Array[]): Promise<void> {
    const file = await this.#openNew(folder, path);
    try {
      // The process's umask may have taken bits away.
      await file.chmod(0o600);
      await writeAll(file, parts);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** What was created or removed in it survives a power loss. */
  async #syncFolder(folder: string): Promise<void> {
    const file = await this.#calls.open(folder, "r");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** All parts in one call, which may write less than all: then it is called again and tells why. */
async function writeAll(file: OpenFile, parts: readonly Uint8Array[]): Promise<void> {
  for (let left = parts.filter((part) => part.length > 0); left.length > 0;) {
    let written = await file.writev(left);
    while (left.length > 0 && written >= left[0]!.length) written -= left.shift()!.length;
    if (written > 0) left = [left[0]!.subarray(written), ...left.slice(1)];
  }
}

function missing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
