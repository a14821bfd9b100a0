import { hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { Unavailable } from "../../domain/shared/errors.ts";
import type { DataKey } from "./data-keys.ts";
import type { ObjectStore } from "./object-store.ts";
import { PackBuilder, type Placed, type SealedPack } from "./pack.ts";
import { DIGEST_BYTES, FRAME_PAGES, PAGE_BYTES } from "./page-list.ts";

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

/** Consecutive pages of one file: at most a frame. */
export interface Slab {
  readonly file: number;
  /** Byte of the file at which it begins. */
  readonly offset: number;
  /** Number of its first page in the segment. */
  readonly first: number;
  readonly pages: number;
}

/** Reads, hashes and packs slabs. Several work side by side. */
export interface Lane {
  /** Reads a slab and resolves with its digests. */
  digest(slab: Slab): Promise<Buffer>;
  /** Packs pages (by their place in the slab) of the slab digested longest ago and not kept yet. */
  keep(chosen: Uint16Array): void;
  /** Everything kept is durably stored, and has been placed, when it resolves. */
  flush(): Promise<void>;
  /** Bytes stored so far. */
  readonly storedBytes: number;
  end(): Promise<void>;
}

interface Read {
  readonly slab: Slab;
  readonly pages: Buffer;
  readonly digests: Buffer;
}

/** Does the work in this thread. */
export class InlineLane implements Lane {
  readonly #objects: ObjectStore;
  readonly #reader: PageReader;
  readonly #builder: PackBuilder;
  readonly #read: Read[] = [];
  #puts: Promise<void> = Promise.resolve();
  /** The puts without the newest. */
  #earlier: Promise<void> = Promise.resolve();
  #storedBytes = 0;

  constructor(
    objects: ObjectStore,
    key: DataKey | undefined,
    files: readonly SourceFile[],
    onPlaced: (placed: Placed) => void,
  ) {
    this.#objects = objects;
    this.#reader = new PageReader(files);
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const pages = files.length + Math.ceil(bytes / PAGE_BYTES);
    this.#builder = new PackBuilder(key, pages, onPlaced);
  }

  get storedBytes(): number {
    return this.#storedBytes;
  }

  async digest(slab: Slab): Promise<Buffer> {
    // One pack may be on its way while the next is filled: memory stays what it is.
    await this.#earlier;
    const pages = this.#reader.read(slab);
    const digests = digestsOf(pages);
    this.#read.push({ slab, pages, digests });
    return digests;
  }

  keep(chosen: Uint16Array): void {
    const { slab, pages, digests } = this.#read.shift()!;
    const isFrame = chosen.length === FRAME_PAGES && !this.#builder.isAmidFrame;
    if (isFrame) this.#put(this.#builder.addFrame(slab.first, pages, digests));
    for (const at of isFrame ? [] : chosen) {
      const page = pages.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES);
      const digest = digests.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES);
      this.#put(this.#builder.add(slab.first + at, page, digest));
    }
    this.#reader.release(pages);
  }

  async flush(): Promise<void> {
    this.#put(this.#builder.flush());
    await this.#puts;
  }

  async end(): Promise<void> {
    this.#reader.close();
    await this.#puts.catch(() => {
      // Whoever flushed was told; whoever did not gave up for another reason.
    });
  }

  #put(pack: SealedPack | undefined): void {
    if (pack === undefined) return;
    this.#storedBytes += pack.parts.reduce((sum, part) => sum + part.length, 0);
    const put = this.#puts.then(async () => {
      await this.#objects.put(`packs/${pack.name}`, pack.parts);
    });
    // Told by the next `digest` or by `flush`.
    put.catch(() => {});
    this.#earlier = this.#puts;
    this.#puts = put;
  }
}

/** Reads pages of files; the last one of a file is filled up with zeros. */
class PageReader {
  readonly #files: readonly SourceFile[];
  readonly #open = new Map<number, number>();
  readonly #free: Buffer[] = [];

  constructor(files: readonly SourceFile[]) {
    this.#files = files;
  }

  /** The pages, in a buffer to be given back to `release`. */
  read(slab: Slab): Buffer {
    const needed = slab.pages * PAGE_BYTES;
    const free = this.#free.pop();
    const buffer =
      free !== undefined && free.length >= needed ? free : Buffer.allocUnsafeSlow(needed);
    const pages = buffer.subarray(0, needed);
    const file = this.#files[slab.file]!;
    const wanted = Math.min(pages.length, file.bytes - slab.offset);
    if (file.content === undefined)
      readWhole(this.#descriptor(slab.file), pages.subarray(0, wanted), slab.offset);
    else pages.set(file.content.subarray(slab.offset, slab.offset + wanted));
    pages.fill(0, wanted);
    if (file.withoutWal && slab.offset === 0) asRollbackMode(pages);
    return pages;
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

/** SHA-256 of each page. */
function digestsOf(pages: Buffer): Buffer {
  const digests = Buffer.allocUnsafeSlow((pages.length / PAGE_BYTES) * DIGEST_BYTES);
  for (let page = 0, at = 0; at < pages.length; page += 1, at += PAGE_BYTES)
    // As text: a Buffer for each digest would take a third longer.
    digests.write(
      hash("sha256", pages.subarray(at, at + PAGE_BYTES), "binary"),
      page * DIGEST_BYTES,
      "latin1",
    );
  return digests;
}
