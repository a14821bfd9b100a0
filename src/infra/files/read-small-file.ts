import { constants } from "node:fs";
import { open } from "node:fs/promises";

const TOO_LARGE = "it is too large";

const UNREADABLE: { readonly [code: string]: string } = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read it",
  ELOOP: "its links lead in a circle",
  ENXIO: "it is not a file",
};

/** Why a file that somebody named cannot be read. */
export class UnreadableFile extends Error {}

/**
 * What is in a file that somebody named, at most `limit` bytes. Nothing is read of what has no end,
 * and nothing waits for a writer that may never come. Error: UnreadableFile.
 */
export async function readSmallFile(file: string, limit: number): Promise<Buffer> {
  try {
    return await readRegular(file, limit);
  } catch (error) {
    if (error instanceof UnreadableFile) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new UnreadableFile(`it cannot be read: ${UNREADABLE[code] ?? (code || String(error))}`);
  }
}

async function readRegular(file: string, limit: number): Promise<Buffer> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new UnreadableFile("it is not a file");
    if (found.size > limit) throw new UnreadableFile(TOO_LARGE);
    // Of files that the kernel makes the size is not known before.
    const buffer = Buffer.alloc(limit + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length <= limit; length += read)
      ({ bytesRead: read } = await handle.read(buffer, length, buffer.length - length));
    if (length > limit) throw new UnreadableFile(TOO_LARGE);
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}
