import { randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, rm, stat, unlink, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { fsyncDirectory } from "../files/atomic-write.ts";
import type { ObjectStore } from "./object-store.ts";
import { isMissing, isTaken, storing } from "./store-errors.ts";

/** One folder, one name; nothing that could be a path gets further. */
const NAME = /^[a-z]+\/[0-9A-Za-z][0-9A-Za-z.-]*$/;

/** Begins the names of files that are not objects yet; a crash may leave them. */
const UNFINISHED = ".";

/**
 * Objects as files of a directory, readable by the service's user alone. Written beside under
 * another name, synced, then linked into place, so that several processes can write at once.
 * Rejects with `backup-store-full` or `backup-store-failed` when the file system refuses.
 */
export class FileObjectStore implements ObjectStore {
  readonly #root: string;

  /** `root` is an absolute path; folders in it are made when they are needed. */
  constructor(root: string) {
    this.#root = root;
  }

  put(name: string, parts: readonly Uint8Array[], passing?: "passing"): Promise<boolean> {
    const path = this.#path(name);
    return storing(async () => {
      if (passing !== undefined) return mark(path);
      const folder = dirname(path);
      const unfinished = join(folder, `${UNFINISHED}${randomUUID()}`);
      try {
        await writeParts(folder, unfinished, parts);
        await link(unfinished, path);
      } catch (error) {
        await rm(unfinished, { force: true });
        if (!isTaken(error)) throw error;
        // Whoever put it may not have synced it yet, and the answer promises that it is durable.
        await fsyncDirectory(folder);
        return false;
      }
      await unlink(unfinished);
      await fsyncDirectory(folder);
      return true;
    });
  }

  get(name: string, offset = 0, length?: number): Promise<Buffer | undefined> {
    const path = this.#path(name);
    return storing(async () => {
      const file = await open(path, "r").catch(missing);
      if (file === undefined) return undefined;
      try {
        const wanted = Math.min(length ?? Infinity, Math.max(0, (await file.stat()).size - offset));
        const bytes = Buffer.allocUnsafeSlow(wanted);
        for (let filled = 0; filled < wanted;) {
          const { bytesRead } = await file.read(bytes, filled, wanted - filled, offset + filled);
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
    return storing(async () => (await stat(path).catch(missing))?.size);
  }

  list(folder: string): Promise<readonly string[]> {
    return storing(async () => {
      const names = (await readdir(join(this.#root, folder)).catch(missing)) ?? [];
      return names.filter((name) => NAME.test(`${folder}/${name}`)).toSorted();
    });
  }

  delete(name: string, passing?: "passing"): Promise<void> {
    const path = this.#path(name);
    return storing(async () => {
      const gone = await unlink(path).then(() => true, missing);
      if (gone === true && passing === undefined) await fsyncDirectory(dirname(path));
    });
  }

  /** Removes what writers that died have left. Only while nobody can be writing. */
  clean(folders: readonly string[]): Promise<void> {
    return storing(async () => {
      for (const folder of folders) {
        const names = (await readdir(join(this.#root, folder)).catch(missing)) ?? [];
        for (const name of names.filter((one) => one.startsWith(UNFINISHED)))
          await rm(join(this.#root, folder, name), { force: true, recursive: true });
      }
    });
  }

  #path(name: string): string {
    if (NAME.test(name)) return join(this.#root, name);
    throw new InvalidInput("object-name-invalid", "The name of a stored object is malformed", {
      hint: "Use an id from the list of backups",
    });
  }
}

/** An empty file that lives as long as the machine runs. False if it is there. */
async function mark(path: string): Promise<boolean> {
  try {
    const file = await openNew(dirname(path), path);
    await file.close();
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

/** Makes the folder if it is the first file in it. */
const openNew = (folder: string, path: string): Promise<FileHandle> =>
  open(path, "wx", 0o600).catch(async (error: unknown) => {
    if (!isMissing(error)) throw error;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await fsyncDirectory(dirname(folder));
    return open(path, "wx", 0o600);
  });

async function writeParts(
  folder: string,
  path: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  const file = await openNew(folder, path);
  try {
    // The process's umask may have taken bits away.
    await file.chmod(0o600);
    await writeAll(file, parts);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** All parts in one call, which may write less than all: then it is called again and tells why. */
async function writeAll(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  for (let left = parts.filter((part) => part.length > 0); left.length > 0;) {
    const { bytesWritten } = await file.writev(left);
    let written = bytesWritten;
    while (left.length > 0 && written >= left[0]!.length) written -= left.shift()!.length;
    if (written > 0) left = [left[0]!.subarray(written), ...left.slice(1)];
  }
}

function missing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
