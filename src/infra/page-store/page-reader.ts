import { closeSync, openSync, readSync } from "node:fs";
import { Unavailable } from "../../domain/shared/errors.ts";
import { PAGE_BYTES } from "./page-list.ts";

/** A file whose pages are to be stored. */
export interface SourceFile {
  readonly path: string;
  readonly bytes: number;
  /** What a small one holds, if it is not on disk. */
  readonly content?: Uint8Array;
  /**
   * A database in WAL mode whose main file has everything: its header says that there is a WAL,
   * and is stored as if there were none, so that the file is complete by itself.
   */
  readonly withoutWal: boolean;
}

/** Consecutive pages of one file. */
export interface Stretch {
  readonly file: number;
  /** Byte of the file at which it begins. */
  readonly offset: number;
  /** Number of its first page in the segment. */
  readonly first: number;
  readonly pages: number;
}

/** Reads pages of files; the last one of a file is filled up with zeros. */
export class PageReader {
  readonly #files: readonly SourceFile[];
  readonly #open = new Map<number, number>();
  readonly #free: Buffer[] = [];

  constructor(files: readonly SourceFile[]) {
    this.#files = files;
  }

  /** The pages, in a buffer to be given back to `release`. */
  read(stretch: Stretch): Buffer {
    const pages = this.room(stretch.pages);
    const file = this.#files[stretch.file]!;
    const wanted = Math.min(pages.length, file.bytes - stretch.offset);
    if (file.content === undefined)
      readWhole(this.#descriptor(stretch.file), pages.subarray(0, wanted), stretch.offset);
    else pages.set(file.content.subarray(stretch.offset, stretch.offset + wanted));
    pages.fill(0, wanted);
    if (file.withoutWal && stretch.offset === 0) asRollbackMode(pages);
    return pages;
  }

  /** Room for so many pages, to be given back to `release`. */
  room(pages: number): Buffer {
    const needed = pages * PAGE_BYTES;
    const free = this.#free.pop();
    const buffer =
      free !== undefined && free.length >= needed ? free : Buffer.allocUnsafeSlow(needed);
    return buffer.subarray(0, needed);
  }

  release(pages: Buffer): void {
    this.#free.push(Buffer.from(pages.buffer));
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #descriptor(file: number): number {
    let fd = this.#open.get(file);
    if (fd === undefined) {
      fd = openSync(this.#files[file]!.path, "r");
      this.#open.set(file, fd);
    }
    return fd;
  }
}

function readWhole(fd: number, into: Buffer, offset: number): void {
  for (let at = 0; at < into.length;) {
    const read = readSync(fd, into, at, into.length - at, offset + at);
    if (read === 0)
      throw new Unavailable("backup-busy", "A file became shorter while it was being backed up", {
        hint: "Stop what writes to it, or try again",
      });
    at += read;
  }
}

/** Read and write version in a database's header: 2 is WAL, 1 everything else. */
function asRollbackMode(pages: Buffer): void {
  for (const at of [18, 19]) if (pages[at] === 2) pages[at] = 1;
}
