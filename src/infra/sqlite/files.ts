import { createHash } from "node:crypto";
import { constants, statSync } from "node:fs";
import { copyFile, open, rename, rm, stat, statfs, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { Unavailable } from "../../domain/shared/errors.ts";

/*
 * Nothing here may be called for a managed database's own files while this process has a
 * connection to it: closing any descriptor of a file drops all of the process's locks on it, and
 * another process then writes into the middle of our transaction. Only `fileId` and `sizeOf`, which
 * need no descriptor, are safe at any time.
 */

const CHUNK = 1 << 20;

/** Device and inode of the file behind a path; undefined if there is none. */
export function fileId(path: string): string | undefined {
  // Synchronous: the way through the thread pool takes twenty times as long, twice in every step.
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : identityOf(found);
}

/** The same for one file, whatever its path. */
export const identityOf = ({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string =>
  `${dev}:${ino}`;

/** Bytes of a file, 0 if it does not exist. */
export async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(missing))?.size ?? 0;
}

/** Bytes that can still be written beside `path`. */
export async function freeBytes(path: string): Promise<number> {
  const disk = await statfs(dirname(path));
  return disk.bavail * disk.bsize;
}

/** Rejects with `disk-full` unless `bytes` more fit beside `path`. */
export async function requireSpace(path: string, bytes: number): Promise<void> {
  const free = await freeBytes(path);
  if (free >= bytes) return;
  throw new Unavailable("disk-full", `${bytes} bytes are needed but only ${free} are free`, {
    hint: `Free disk space on the file system of ${dirname(path)}`,
    details: { needed: bytes, free },
  });
}

/** Rejects with `path-exists` if there is something at `path`. */
export async function requireAbsent(path: string): Promise<void> {
  if (fileId(path) === undefined) return;
  throw new Unavailable("path-exists", `There is already something at ${path}`);
}

/** Makes a file's content, or a directory's entries, durable. */
export async function fsyncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a new file durable: its content and its name. */
export async function fsyncNewFile(path: string): Promise<void> {
  await fsyncPath(path);
  await fsyncPath(dirname(path));
}

/** What the header says of a database file that nobody has open (file format 1.3). */
export async function isInWal(path: string): Promise<boolean> {
  const from = await open(path, "r");
  try {
    const { bytesRead, buffer } = await from.read(Buffer.alloc(2), 0, 2, 18);
    return bytesRead === 2 && buffer[1] === 2;
  } finally {
    await from.close();
  }
}

export interface FileDigest {
  readonly bytes: number;
  /** Hex SHA-256. */
  readonly sha256: string;
}

/** Size and digest of a file, read in pieces of 1 MiB. */
export async function hashFile(path: string): Promise<FileDigest> {
  const from = await open(path, "r");
  try {
    return await pump(from);
  } finally {
    await from.close();
  }
}

/** Moves a file, to another disk too. Its new name is not durable yet, nor may its content be. */
export async function moveBeside(source: string, destination: string): Promise<void> {
  try {
    await rename(source, destination);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") throw error;
    await copyFile(source, destination, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await rm(source);
  }
}

/** Copies a file to a path that must not exist, durably, and says what was read. */
export async function copyHashed(
  source: string,
  destination: string,
  onBytes: (bytes: number) => void = () => {},
): Promise<FileDigest> {
  const from = await open(source, "r");
  try {
    const to = await open(destination, "wx", 0o600);
    try {
      const digest = await pump(from, to, onBytes);
      await to.sync();
      return digest;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

async function pump(
  from: FileHandle,
  to?: FileHandle,
  onBytes: (bytes: number) => void = () => {},
): Promise<FileDigest> {
  const sum = createHash("sha256");
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  for (let bytes = 0; ;) {
    const { bytesRead } = await from.read(buffer, 0, CHUNK, bytes);
    if (bytesRead === 0) return { bytes, sha256: sum.digest("hex") };
    const piece = buffer.subarray(0, bytesRead);
    sum.update(piece);
    await to?.writeFile(piece);
    bytes += bytesRead;
    onBytes(bytes);
  }
}

function missing(error: unknown): undefined {
  if (!["ENOENT", "ENOTDIR"].includes(codeOf(error))) throw error;
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "";
