import type { DataKey } from "./data-keys.ts";
import type { ObjectStore } from "./object-store.ts";
import { PackBuilder, type Placed, type SealedPack } from "./pack.ts";
import { DIGEST_BYTES, FRAME_PAGES, PAGE_BYTES, type SegmentParts } from "./page-list.ts";
import { digestPages, takeFromParent } from "./page-digests.ts";
import { release } from "./release.ts";
import { PageReader, type SourceFile, type Stretch } from "./page-reader.ts";

/** How far a scan came, and the pages (of the segment) that are not as in the parent. */
export interface Scanned {
  /** Pages of the stretch that it is through with. */
  readonly pages: number;
  readonly found: Uint32Array<ArrayBuffer>;
}

/** Reads, hashes and packs pages. Several work side by side, on one segment. */
export interface Lane {
  /** What is scanned next belongs to `segment`; pages that are as in `parent` get their places from it. */
  open(segment: SegmentParts, parent: SegmentParts | undefined): Promise<void>;
  /** Reads and hashes from the start of a stretch on, until it has found pages to ask about, or to its end. */
  scan(stretch: Stretch): Promise<Scanned>;
  /** Packs pages, by their place in what was found by the scan longest ago that was not kept yet. */
  keep(chosen: Uint16Array): void;
  /** Everything kept is durably stored, and has been placed, when it resolves. */
  flush(): Promise<void>;
  /** Bytes stored so far. */
  readonly storedBytes: number;
  end(): Promise<void>;
}

/** So few pages of a frame's worth are copied, so that the room of all can be used again. */
const FEW = 32;

/** Pages that one scan found. */
interface Found {
  readonly numbers: number[];
  readonly pages: Buffer[];
  /** Where they lie, to be given back. */
  readonly rooms: Buffer[];
  /** All of them one after another, if they are a frame. */
  frame: Buffer | undefined;
}

/** Does the work in this thread. */
export class InlineLane implements Lane {
  readonly #objects: ObjectStore;
  readonly #reader: PageReader;
  readonly #builder: PackBuilder;
  readonly #found: Found[] = [];
  #segment!: SegmentParts;
  #parent: SegmentParts | undefined;
  /** Puts on their way, oldest first. */
  readonly #puts: Promise<unknown>[] = [];
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

  async open(segment: SegmentParts, parent: SegmentParts | undefined): Promise<void> {
    this.#segment = segment;
    this.#parent = parent;
  }

  async scan(stretch: Stretch): Promise<Scanned> {
    // Some packs may be on their way while the next is filled: memory stays what it is.
    while (this.#puts.length > this.#objects.atOnce) await this.#puts.shift();
    const found: Found = { numbers: [], pages: [], rooms: [], frame: undefined };
    let at = 0;
    for (let isFull = false; at < stretch.pages && !isFull;) {
      const pages = Math.min(FRAME_PAGES, stretch.pages - at);
      const { file, offset, first } = stretch;
      const part = { file, offset: offset + at * PAGE_BYTES, first: first + at, pages };
      isFull = this.#scanPart(part, pages < stretch.pages, found);
      at += pages;
    }
    if (found.numbers.length > 0) this.#found.push(found);
    return { pages: at, found: Uint32Array.from(found.numbers) };
  }

  keep(chosen: Uint16Array): void {
    const { numbers, pages, rooms, frame } = this.#found.shift()!;
    const { digests } = this.#segment;
    if (frame !== undefined && chosen.length === FRAME_PAGES && !this.#builder.isAmidFrame) {
      const [from, to] = [numbers[0]! * DIGEST_BYTES, (numbers[0]! + FRAME_PAGES) * DIGEST_BYTES];
      this.#put(this.#builder.addFrame(numbers[0]!, frame, digests.subarray(from, to)));
    } else
      for (const at of chosen) {
        const number = numbers[at]!;
        const digest = digests.subarray(number * DIGEST_BYTES, (number + 1) * DIGEST_BYTES);
        this.#put(this.#builder.add(number, pages[at]!, digest));
      }
    for (const room of rooms) this.#reader.release(room);
  }

  async flush(): Promise<void> {
    this.#put(this.#builder.flush());
    await Promise.all(this.#puts.splice(0));
  }

  async end(): Promise<void> {
    this.#reader.close();
    // Whoever flushed was told; whoever did not gave up for another reason.
    await Promise.allSettled(this.#puts.splice(0));
  }

  /** True if nothing more fits into `found`. `mayGather`: few pages are put together with others. */
  #scanPart(part: Stretch, mayGather: boolean, found: Found): boolean {
    const raw = this.#reader.read(part);
    digestPages(raw, this.#segment.digests, part.first);
    const others = takeFromParent(this.#segment, this.#parent, part);
    const pages = others.map((number) => pageIn(raw, number - part.first));
    if (mayGather && others.length <= FEW) {
      for (const page of pages) found.pages.push(this.#gather(page, found));
      found.numbers.push(...others);
      this.#reader.release(raw);
      return found.numbers.length + FEW > FRAME_PAGES;
    }
    found.pages.push(...pages);
    found.numbers.push(...others);
    found.rooms.push(raw);
    if (found.numbers.length === FRAME_PAGES && others.length === FRAME_PAGES) found.frame = raw;
    return true;
  }

  #gather(page: Buffer, found: Found): Buffer {
    found.rooms[0] ??= this.#reader.room(FRAME_PAGES);
    const copy = pageIn(found.rooms[0], found.pages.length);
    page.copy(copy);
    return copy;
  }

  #put(pack: SealedPack | undefined): void {
    if (pack === undefined) return;
    this.#storedBytes += pack.parts.reduce((sum, part) => sum + part.length, 0);
    const put = this.#objects.put(`packs/${pack.name}`, pack.parts).then(() => {
      for (const part of pack.parts) release(part);
    });
    // Told by the next `scan` or by `flush`.
    put.catch(() => {});
    this.#puts.push(put);
  }
}

const pageIn = (raw: Buffer, at: number): Buffer =>
  raw.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES);
