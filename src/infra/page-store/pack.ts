import type { DataKey } from "./data-keys.ts";
import { DIGEST_BYTES, FRAME_PAGES, PAGE_BYTES, type ReadableObjects } from "./page-list.ts";
import { release } from "./release.ts";
import { ObjectReader, startingWith, type ReadRange } from "./object-reader.ts";
import { ObjectSealer, damaged } from "./sealed-object.ts";

/** A pack is closed when it has reached this size. */
const PACK_BYTES = 4 << 20;
/** No pack is larger: the last frame, and the digests, come on top. */
export const WHOLE_PACK = PACK_BYTES + (2 << 20);
/** So that a pack's digests are small however well its pages compress. */
const PACK_FRAMES = 32;

interface PackDirectory {
  /** Pages of each frame of data. */
  readonly pages: readonly number[];
}

/** Where a page came to lie. */
export interface Placed {
  readonly pack: string;
  readonly frame: number;
  /** Page numbers, as given to `add`, by slot. */
  readonly pages: Uint32Array;
}

export interface SealedPack {
  readonly name: string;
  readonly parts: Buffer[];
}

/**
 * Collects pages into packs: frame 1 has the digests of all pages, each frame after it up to 256
 * pages. Packs do not depend on each other or on any list: an index can be made of them alone.
 */
export class PackBuilder {
  readonly #key: DataKey | undefined;
  readonly #onPlaced: (placed: Placed) => void;
  readonly #raw: Buffer;
  readonly #numbers: Uint32Array;
  readonly #expected: number;
  #filled = 0;
  #frames: FrameSealer | undefined;

  /** `expected`: no more pages than that will be added. */
  constructor(key: DataKey | undefined, expected: number, onPlaced: (placed: Placed) => void) {
    this.#key = key;
    this.#onPlaced = onPlaced;
    this.#expected = expected;
    this.#raw = Buffer.allocUnsafeSlow(Math.min(expected, FRAME_PAGES) * PAGE_BYTES);
    this.#numbers = new Uint32Array(Math.min(expected, FRAME_PAGES));
  }

  /** Adds a page; returns a pack that is full with it, to be put. */
  add(number: number, page: Uint8Array, digest: Uint8Array): SealedPack | undefined {
    this.#frames ??= new FrameSealer(this.#key, this.#expected);
    this.#raw.set(page, this.#filled * PAGE_BYTES);
    this.#frames.note(digest);
    this.#numbers[this.#filled] = number;
    this.#filled += 1;
    if (this.#filled < FRAME_PAGES) return undefined;
    this.#seal();
    return this.#frames.isFull ? this.flush() : undefined;
  }

  /** As `add` for the pages of a whole frame, one after another; they are not copied. */
  addFrame(first: number, pages: Uint8Array, digests: Uint8Array): SealedPack | undefined {
    this.#frames ??= new FrameSealer(this.#key, this.#expected);
    this.#frames.note(digests);
    const frame = this.#frames.add(pages);
    const numbers = Uint32Array.from({ length: FRAME_PAGES }, (_, at) => first + at);
    this.#onPlaced({ pack: this.#frames.name, frame, pages: numbers });
    return this.#frames.isFull ? this.flush() : undefined;
  }

  /** Whether pages wait for the rest of their frame. */
  get isAmidFrame(): boolean {
    return this.#filled > 0;
  }

  /** Closes the pack that is open, if one is. */
  flush(): SealedPack | undefined {
    const frames = this.#frames;
    if (frames === undefined) return undefined;
    if (this.#filled > 0) this.#seal();
    this.#frames = undefined;
    return frames.finish();
  }

  #seal(): void {
    const frames = this.#frames!;
    const frame = frames.add(this.#raw.subarray(0, this.#filled * PAGE_BYTES));
    const pages = this.#numbers.slice(0, this.#filled);
    this.#filled = 0;
    this.#onPlaced({ pack: frames.name, frame, pages });
  }
}

/** One pack in the making. */
class FrameSealer {
  readonly #data: ObjectSealer;
  readonly #digests: Buffer;
  readonly #pages: number[] = [];
  #noted = 0;

  constructor(key: DataKey | undefined, expected: number) {
    const pages = Math.min(expected, PACK_FRAMES * FRAME_PAGES);
    this.#digests = Buffer.allocUnsafeSlow(pages * DIGEST_BYTES);
    this.#data = new ObjectSealer(key, "pack", 1);
  }

  get name(): string {
    return this.#data.name;
  }

  get isFull(): boolean {
    return this.#data.bytes >= PACK_BYTES || this.#pages.length >= PACK_FRAMES;
  }

  /** Digests of the pages that `add` will have next. */
  note(digests: Uint8Array): void {
    this.#digests.set(digests, this.#noted);
    this.#noted += digests.length;
  }

  /** Returns the frame's number. */
  add(raw: Uint8Array): number {
    this.#pages.push(raw.length / PAGE_BYTES);
    return this.#data.add(raw);
  }

  finish(): SealedPack {
    this.#data.first(this.#digests.subarray(0, this.#noted));
    const directory: PackDirectory = { pages: this.#pages };
    return { name: this.#data.name, parts: this.#data.finish(directory) };
  }
}

/** Number of the frame that has the digests, and of the first that has pages. */
const DIGESTS = 1;
const DATA = 2;

/** Reads a stored pack. */
export class PackReader {
  readonly #object: ObjectReader<PackDirectory>;
  readonly #path: string;

  readonly #start: Buffer | undefined;

  private constructor(object: ObjectReader<PackDirectory>, path: string, start?: Buffer) {
    this.#object = object;
    this.#path = path;
    this.#start = start;
  }

  /**
   * Rejects with `backup-damaged`, also if the pack is missing. `ahead`: so many bytes are read at once,
   * by whoever needs most of it; `close` gives them back.
   */
  static async open(
    { objects, keys }: ReadableObjects,
    name: string,
    ahead = 0,
  ): Promise<PackReader> {
    const path = `packs/${name}`;
    const get: ReadRange = (offset, length) => objects.get(path, offset, length);
    const start = ahead === 0 ? undefined : await get(0, ahead);
    const read = start === undefined ? get : startingWith(start, get);
    const object = await ObjectReader.open<PackDirectory>("pack", path, keys, read);
    if (object === undefined) throw damaged(path, "the pack is missing");
    return new PackReader(object, path, start);
  }

  close(): void {
    if (this.#start !== undefined) release(this.#start);
  }

  /** Numbers of the frames that have pages. */
  get frames(): readonly number[] {
    return this.#object.directory.pages.map((_, at) => at + DATA);
  }

  get end(): number {
    return this.#object.end;
  }

  pagesIn(frame: number): number {
    return this.#object.directory.pages[frame - DATA] ?? 0;
  }

  /** The pages of a frame, one after another. Their digests are not compared here. */
  async pages(frame: number): Promise<Buffer> {
    const expected = Math.min(this.pagesIn(frame), FRAME_PAGES) * PAGE_BYTES;
    const raw = await this.#object.frame(frame, expected);
    if (raw.length === this.pagesIn(frame) * PAGE_BYTES) return raw;
    throw damaged(this.#path, `frame ${frame} has another length than written`, { frame });
  }

  /** Digests of all pages, frame after frame. */
  async digests(): Promise<Buffer> {
    const count = this.#object.directory.pages.reduce((sum, pages) => sum + pages, 0);
    const raw = await this.#object.frame(DIGESTS, count * DIGEST_BYTES);
    if (raw.length === count * DIGEST_BYTES) return raw;
    throw damaged(this.#path, "its digests are not complete", { frame: DIGESTS });
  }
}
