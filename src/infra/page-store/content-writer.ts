import type { StoredContent } from "../../domain/backup/backup-store.ts";
import { ContentDigest } from "./content-digest.ts";
import { KnownPages } from "./known-pages.ts";
import type { Lane, Slab } from "./lane.ts";
import type { Placed } from "./pack.ts";
import {
  DIGEST_BYTES,
  FRAME_PAGES,
  NOWHERE,
  PAGE_BYTES,
  PackNames,
  SEGMENT_PAGES,
  Segment,
  loadSegment,
  sealList,
  type ReadableObjects,
} from "./page-list.ts";
import { isKeyMissing } from "./data-keys.ts";
import { isDamage } from "./sealed-object.ts";

/** Lists that a segment may be spread over before it is written as one again. */
const MOST_LISTS = 16;

/** Pages that are compared with the parent's at once: where few have changed, most groups have none that did. */
const GROUP = 16;

/** A file of the content, as it will be called. */
export interface ContentFile {
  readonly name: string;
  readonly bytes: number;
}

export interface ContentOptions {
  readonly store: ReadableObjects;
  readonly files: readonly ContentFile[];
  /** Content that is probably much the same: what is where it was is not looked up. */
  readonly parent: StoredContent | undefined;
  /** Packs that are known to be damaged: nothing in them counts as stored. */
  readonly condemned: ReadonlySet<string>;
  readonly lanes: (onPlaced: (placed: Placed) => void) => readonly Lane[];
  readonly onProgress: (fraction: number) => void;
}

/**
 * Stores files page by page: pages that the store does not have go into packs, and lists say where
 * each page lies. One segment (1 GiB) at a time is in memory, whatever the size.
 */
export class ContentWriter {
  readonly #options: ContentOptions;
  readonly #names = new PackNames();
  readonly #lanes: readonly Lane[];
  readonly #digest = new ContentDigest();
  #known!: KnownPages;
  #segment!: Segment;
  #parent: Segment | undefined;
  /** Pages that are the same as an earlier one of the segment, which has no place yet. */
  #twins: [page: number, first: number][] = [];
  #listBytes = 0;

  constructor(options: ContentOptions) {
    this.#options = options;
    this.#lanes = options.lanes((placed) => this.#placed(placed));
  }

  async write(): Promise<StoredContent> {
    const { store, files, condemned } = this.#options;
    const pages = files.reduce((sum, file) => sum + pagesOf(file.bytes), 0);
    const usable = (pack: string): boolean => !condemned.has(pack);
    this.#known = await KnownPages.open(store, this.#names, usable, Math.min(pages, SEGMENT_PAGES));
    const segments: (readonly string[])[] = [];
    try {
      for (let first = 0; first < pages; first += SEGMENT_PAGES)
        segments.push(await this.#writeSegment(segments.length, first, pages));
    } finally {
      for (const lane of this.#lanes) await lane.end();
    }
    const packed = this.#lanes.reduce((sum, lane) => sum + lane.storedBytes, 0);
    return {
      files: files.map(({ name, bytes }) => ({ name, bytes })),
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      sha256: this.#digest.root(),
      storedBytes: packed + this.#listBytes,
      segments,
    };
  }

  async #writeSegment(number: number, first: number, all: number): Promise<readonly string[]> {
    const pages = Math.min(SEGMENT_PAGES, all - first);
    this.#segment = new Segment({ first, pages });
    const lists = this.#options.parent?.segments[number] ?? [];
    this.#parent = await this.#loadParent(number, lists);
    const slabs = slabsOf(this.#options.files, first, pages);
    await Promise.all(this.#lanes.map((lane) => this.#drive(lane, slabs, first, all)));
    await Promise.all(this.#lanes.map((lane) => lane.flush()));
    this.#settle();
    this.#digest.add(this.#segment.digests);
    return this.#writeList(lists);
  }

  /** Undefined if there is none, or it cannot be read: then every page is looked up. */
  async #loadParent(number: number, lists: readonly string[]): Promise<Segment | undefined> {
    const { parent, store } = this.#options;
    if (parent === undefined || lists.length === 0) return undefined;
    const all = parent.files.reduce((sum, file) => sum + pagesOf(file.bytes), 0);
    const first = number * SEGMENT_PAGES;
    const pages = Math.min(SEGMENT_PAGES, all - first);
    try {
      return await loadSegment(store, lists, { first, pages }, this.#names);
    } catch (error) {
      if (isDamage(error) || isKeyMissing(error)) return undefined;
      throw error;
    }
  }

  /** Keeps one lane at work: while its last slab is looked at, it has the next one. */
  async #drive(lane: Lane, slabs: Iterator<Slab>, first: number, all: number): Promise<void> {
    let slab = next(slabs);
    let asked = slab === undefined ? undefined : lane.digest(slab);
    while (slab !== undefined) {
      const digests = await asked!;
      const following = next(slabs);
      asked = following === undefined ? undefined : lane.digest(following);
      // Its failure is met when it is its turn.
      asked?.catch(() => {});
      lane.keep(await this.#choose(slab, digests));
      this.#options.onProgress((first + slab.first + slab.pages) / all);
      slab = following;
    }
  }

  /** Pages of the slab that must be packed; the others get their places. */
  async #choose(slab: Slab, digests: Buffer): Promise<Uint16Array> {
    digests.copy(this.#segment.digests, slab.first * DIGEST_BYTES);
    const chosen: number[] = [];
    for (let at = 0; at < slab.pages; at += 1) {
      const page = slab.first + at;
      if (at % GROUP === 0 && this.#takeGroup(page, slab.first + slab.pages)) {
        at += GROUP - 1;
        continue;
      }
      if (this.#takeFromParent(page)) continue;
      if (this.#known.needsLoading()) await this.#known.load();
      if (!this.#takeKnown(page)) chosen.push(at);
    }
    return Uint16Array.from(chosen);
  }

  /** As `takeFromParent` for a whole group at once, which mostly is all that is needed. */
  #takeGroup(page: number, end: number): boolean {
    const parent = this.#parent;
    const next = page + GROUP;
    if (parent === undefined || next > Math.min(end, parent.pages)) return false;
    if (this.#options.condemned.size > 0) return false;
    const [from, to] = [page * DIGEST_BYTES, next * DIGEST_BYTES];
    if (this.#segment.digests.compare(parent.digests, from, to, from, to) !== 0) return false;
    this.#segment.packs.set(parent.packs.subarray(page, next), page);
    this.#segment.places.set(parent.places.subarray(page, next), page);
    return true;
  }

  #takeFromParent(page: number): boolean {
    const parent = this.#parent;
    if (parent === undefined || page >= parent.pages) return false;
    const at = page * DIGEST_BYTES;
    const end = at + DIGEST_BYTES;
    if (this.#segment.digests.compare(parent.digests, at, end, at, end) !== 0) return false;
    const pack = parent.packs[page]!;
    const { condemned } = this.#options;
    if (condemned.size > 0 && condemned.has(this.#names.name(pack))) return false;
    this.#segment.packs[page] = pack;
    this.#segment.places[page] = parent.places[page]!;
    return true;
  }

  #takeKnown(page: number): boolean {
    const { digests, packs, places } = this.#segment;
    const known = this.#known.get(digests, page * DIGEST_BYTES);
    if (known === undefined) {
      this.#known.set(digests, page * DIGEST_BYTES, { pack: NOWHERE, place: page });
      return false;
    }
    if (known.pack === NOWHERE) this.#twins.push([page, known.place]);
    packs[page] = known.pack;
    places[page] = known.place;
    return true;
  }

  #placed({ pack, frame, pages }: Placed): void {
    const number = this.#names.number(pack);
    for (let slot = 0; slot < pages.length; slot += 1) {
      const page = pages[slot]!;
      const place = frame * 0x1_0000 + slot;
      this.#segment.packs[page] = number;
      this.#segment.places[page] = place;
      this.#known.set(this.#segment.digests, page * DIGEST_BYTES, { pack: number, place });
    }
  }

  /** Everything is placed now: so are the pages that are like another. */
  #settle(): void {
    const { packs, places } = this.#segment;
    for (const [page, first] of this.#twins) {
      packs[page] = packs[first]!;
      places[page] = places[first]!;
    }
    this.#twins = [];
  }

  /** What differs from the parent, or everything when that is shorter to read. */
  async #writeList(before: readonly string[]): Promise<readonly string[]> {
    const { store } = this.#options;
    const segment = this.#segment;
    const parent = this.#parent;
    const changed: number[] = [];
    for (let page = 0; page < segment.pages; page += 1)
      if (parent === undefined || !segment.agrees(parent, page)) changed.push(page);
    if (parent !== undefined && changed.length === 0) return before;
    const isDelta =
      parent !== undefined && before.length < MOST_LISTS && changed.length < segment.pages / 2;
    const pages = isDelta
      ? Uint32Array.from(changed)
      : Uint32Array.from({ length: segment.pages }, (_, page) => page);
    const list = sealList(segment, pages, this.#names, store.keys.current);
    await store.objects.put(`lists/${list.name}`, list.parts);
    this.#listBytes += list.parts.reduce((sum, part) => sum + part.length, 0);
    return isDelta ? [...before, list.name] : [list.name];
  }
}

export const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);

/** Slabs of the pages `first` to `first + pages` of all files together; none reaches over a file's end. */
function* slabsOf(
  files: readonly ContentFile[],
  first: number,
  pages: number,
): Generator<Slab, undefined> {
  let before = 0;
  for (const [file, { bytes }] of files.entries()) {
    const end = Math.min(before + pagesOf(bytes), first + pages);
    for (let page = Math.max(before, first); page < end;) {
      const count = Math.min(FRAME_PAGES, end - page);
      const offset = (page - before) * PAGE_BYTES;
      yield { file, offset, first: page - first, pages: count };
      page += count;
    }
    before += pagesOf(bytes);
  }
  return undefined;
}

function next(slabs: Iterator<Slab>): Slab | undefined {
  const { done, value } = slabs.next();
  return done === true ? undefined : (value as Slab);
}
