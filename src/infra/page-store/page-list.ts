import type { DataKey, DataKeys } from "./data-keys.ts";
import type { ObjectStore } from "./object-store.ts";
import { release } from "./release.ts";
import { ObjectReader } from "./object-reader.ts";
import { ObjectSealer, damaged } from "./sealed-object.ts";

/** Bytes of a page of the store, whatever page size the database has. */
export const PAGE_BYTES = 4096;
/** Bytes of a page's name: its SHA-256. */
export const DIGEST_BYTES = 32;
/** Pages that are held in memory at once: 1 GiB of content. */
export const SEGMENT_PAGES = 1 << 18;
/** Pages of a frame. */
export const FRAME_PAGES = 256;

/** Page number, digest, pack, frame, slot. */
const ENTRY_BYTES = 44;
const ENTRIES_A_FRAME = 1 << 14;
/** A digest is copied by words of 32 bits: a call for each would cost more than the copy. */
const DIGEST_WORDS = DIGEST_BYTES / 4;
/** In place of a pack's number: the page is not stored yet. */
export const NOWHERE = 0xffff_ffff;

interface ListDirectory {
  readonly packs: readonly string[];
  readonly entries: number;
}

/** Numbers for names of packs, so that a page's place takes a few bytes. */
export class PackNames {
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];

  number(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#names.push(name) - 1;
      this.#numbers.set(name, number);
    }
    return number;
  }

  name(number: number): string {
    return this.#names[number]!;
  }
}

/** Which pages of the content a segment is about. */
export interface SegmentPages {
  readonly first: number;
  readonly pages: number;
}

/** What is needed of a segment to bring its pages back. */
export interface PagePlaces {
  readonly first: number;
  readonly digests: Buffer;
  readonly places: Uint32Array;
}

/** What is known of a segment's pages: digest, pack and place of each. */
export interface SegmentParts {
  readonly digests: Buffer;
  readonly packs: Uint32Array;
  readonly places: Uint32Array;
}

/**
 * Room for one segment after another, shared between threads: each thread would keep the memory of an
 * earlier one until it looks for garbage.
 */
export class SegmentRoom implements SegmentParts {
  readonly digests: Buffer;
  readonly packs: Uint32Array;
  readonly places: Uint32Array;

  constructor(pages: number) {
    this.digests = Buffer.from(new SharedArrayBuffer(pages * DIGEST_BYTES));
    this.packs = new Uint32Array(new SharedArrayBuffer(pages * 4));
    this.places = new Uint32Array(new SharedArrayBuffer(pages * 4));
  }
}

/** Digest and place of each of up to `SEGMENT_PAGES` consecutive pages, shared between threads. */
export class Segment implements PagePlaces, SegmentParts {
  /** Number of its first page in the content. */
  readonly first: number;
  readonly pages: number;
  readonly digests: Buffer;
  readonly packs: Uint32Array;
  /** Frame in the upper half, slot in the lower. */
  readonly places: Uint32Array;

  /** What was in the room is gone. */
  constructor({ first, pages }: SegmentPages, room = new SegmentRoom(pages)) {
    this.first = first;
    this.pages = pages;
    this.digests = room.digests.subarray(0, pages * DIGEST_BYTES);
    this.packs = room.packs.subarray(0, pages).fill(NOWHERE);
    this.places = room.places.subarray(0, pages);
  }

  digest(page: number): Buffer {
    return this.digests.subarray(page * DIGEST_BYTES, (page + 1) * DIGEST_BYTES);
  }
}

/** Seals the chosen pages (in order) of a segment as a list. */
export function sealList(
  segment: Segment,
  pages: Uint32Array,
  names: PackNames,
  key: DataKey | undefined,
): { readonly name: string; readonly parts: Buffer[] } {
  const sealer = new ObjectSealer(key, "list");
  const own = new PackNames();
  const packs: string[] = [];
  const numberOf = (pack: number): number => {
    const name = names.name(pack);
    const number = own.number(name);
    packs[number] = name;
    return number;
  };
  const raw = Buffer.allocUnsafeSlow(Math.min(pages.length, ENTRIES_A_FRAME) * ENTRY_BYTES);
  const [words, digests] = [wordsOf(raw), wordsOf(segment.digests)];
  for (let from = 0; from < pages.length; from += ENTRIES_A_FRAME) {
    let at = 0;
    for (const page of pages.subarray(from, from + ENTRIES_A_FRAME)) {
      raw.writeUInt32BE(page, at);
      const [to, start] = [at / 4 + 1, page * DIGEST_WORDS];
      for (let word = 0; word < DIGEST_WORDS; word += 1) words[to + word] = digests[start + word]!;
      raw.writeUInt32BE(numberOf(segment.packs[page]!), at + 36);
      raw.writeUInt32BE(segment.places[page]!, at + 40);
      at += ENTRY_BYTES;
    }
    sealer.add(raw.subarray(0, at));
  }
  const directory: ListDirectory = { packs, entries: pages.length };
  return { name: sealer.name, parts: sealer.finish(directory) };
}

/** What is needed to read objects. */
export interface ReadableObjects {
  readonly objects: ObjectStore;
  readonly keys: DataKeys;
}

const openList = async (
  { objects, keys }: ReadableObjects,
  name: string,
): Promise<ObjectReader<ListDirectory>> => {
  const path = `lists/${name}`;
  const list = await ObjectReader.open<ListDirectory>("list", path, keys, (offset, length) =>
    objects.get(path, offset, length),
  );
  if (list === undefined) throw damaged(path, "the list of pages is missing");
  return list;
};

/** Names of the packs that a list leads to. */
export const packsOfList = async (
  store: ReadableObjects,
  name: string,
): Promise<readonly string[]> => (await openList(store, name)).directory.packs;

/**
 * Puts a segment together from its lists, oldest first: what a later one says of a page holds.
 * Rejects with `backup-damaged` if a list is damaged or missing, or a page is in none.
 */
export async function loadSegment(
  store: ReadableObjects,
  lists: readonly string[],
  pages: SegmentPages,
  names: PackNames,
  room?: SegmentRoom,
): Promise<Segment> {
  const segment = new Segment(pages, room);
  for await (const list of opened(store, lists)) await applyList(list, segment, names);
  const absent = segment.packs.indexOf(NOWHERE);
  if (absent >= 0)
    throw damaged(`lists/${lists.at(-1) ?? ""}`, `page ${segment.first + absent} is in no list`);
  return segment;
}

/** Lists in their order; the next ones are on their way. */
async function* opened(
  store: ReadableObjects,
  lists: readonly string[],
): AsyncGenerator<ObjectReader<ListDirectory>> {
  const coming: Promise<ObjectReader<ListDirectory>>[] = [];
  for (const [at] of lists.entries()) {
    while (coming.length < store.objects.atOnce && at + coming.length < lists.length) {
      const next = openList(store, lists[at + coming.length]!);
      // Its failure is met when it is its turn.
      next.catch(() => {});
      coming.push(next);
    }
    yield await coming.shift()!;
  }
}

async function applyList(
  list: ObjectReader<ListDirectory>,
  segment: Segment,
  names: PackNames,
): Promise<void> {
  const packs = list.directory.packs.map((pack) => names.number(pack));
  const into = wordsOf(segment.digests);
  for (let number = 1; number <= list.frames; number += 1) {
    const raw = await list.frame(number, ENTRIES_A_FRAME * ENTRY_BYTES);
    const words = wordsOf(raw);
    for (let at = 0; at + ENTRY_BYTES <= raw.length; at += ENTRY_BYTES) {
      const page = raw.readUInt32BE(at);
      // The content has become shorter since this list was written.
      if (page >= segment.pages) continue;
      const [to, from] = [page * DIGEST_WORDS, at / 4 + 1];
      for (let word = 0; word < DIGEST_WORDS; word += 1) into[to + word] = words[from + word]!;
      segment.packs[page] = packs[raw.readUInt32BE(at + 36)] ?? NOWHERE;
      segment.places[page] = raw.readUInt32BE(at + 40);
    }
    release(raw);
  }
}

/** The same bytes as words. */
function wordsOf(bytes: Buffer): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Buffer.from(bytes);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, Math.floor(aligned.length / 4));
}
