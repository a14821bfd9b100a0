import type { StoredContent } from "../../domain/backup/backup-store.ts";
import { ContentDigest } from "./content-digest.ts";
import { KnownPages } from "./known-pages.ts";
import type { Lane } from "./lane.ts";
import type { Placed } from "./pack.ts";
import type { Stretch } from "./page-reader.ts";
import {
  DIGEST_BYTES,
  NOWHERE,
  PAGE_BYTES,
  PackNames,
  SEGMENT_PAGES,
  Segment,
  SegmentRoom,
  loadSegment,
  sealList,
  type ReadableObjects,
} from "./page-list.ts";
import { isKeyMissing } from "./data-keys.ts";
import { isDamage } from "./sealed-object.ts";

/** Lists that a segment may be spread over before it is written as one again. */
const MOST_LISTS = 16;

/** Pages that a lane is given at a time: so many that there is little to say, so few that all end together. */
const STRETCH_PAGES = 1 << 11;

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
  readonly #room: SegmentRoom;
  #parentRoom: SegmentRoom | undefined;
  #parent: Segment | undefined;
  /** Pages that are the same as an earlier one of the segment, which has no place yet. */
  #twins: [page: number, first: number][] = [];
  /** Pages that are not as in the parent. */
  #changed: Uint32Array[] = [];
  #listBytes = 0;

  constructor(options: ContentOptions) {
    this.#options = options;
    const pages = options.files.reduce((sum, file) => sum + pagesOf(file.bytes), 0);
    this.#room = new SegmentRoom(Math.min(SEGMENT_PAGES, pages));
    this.#lanes = options.lanes((placed) => this.#placed(placed));
  }

  async write(): Promise<StoredContent> {
    const { store, files, condemned } = this.#options;
    const pages = files.reduce((sum, file) => sum + pagesOf(file.bytes), 0);
    const usable = (pack: string): boolean => !condemned.has(pack);
    this.#known = await KnownPages.open(store, this.#names, usable, pages);
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
    this.#segment = new Segment({ first, pages }, this.#room);
    this.#changed = [];
    const lists = this.#options.parent?.segments[number] ?? [];
    this.#parent = await this.#loadParent(number, lists);
    await Promise.all(this.#lanes.map((lane) => lane.open(this.#segment, this.#parent)));
    const stretches = stretchesOf(this.#options.files, first, pages);
    await Promise.all(this.#lanes.map((lane) => this.#drive(lane, stretches, first, all)));
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
      this.#parentRoom ??= new SegmentRoom(Math.min(SEGMENT_PAGES, all));
      const part = { first, pages };
      const segment = await loadSegment(store, lists, part, this.#names, this.#parentRoom);
      this.#passOver(segment);
      return segment;
    } catch (error) {
      if (isDamage(error) || isKeyMissing(error)) return undefined;
      throw error;
    }
  }

  /** What lies in packs that are known to be damaged counts as nowhere. */
  #passOver({ packs }: Segment): void {
    const { condemned } = this.#options;
    if (condemned.size === 0) return;
    for (let page = 0; page < packs.length; page += 1)
      if (condemned.has(this.#names.name(packs[page]!))) packs[page] = NOWHERE;
  }

  /** Keeps one lane at work: while what it found is looked at, it goes on. */
  async #drive(
    lane: Lane,
    stretches: Iterator<Stretch>,
    first: number,
    all: number,
  ): Promise<void> {
    let stretch = next(stretches);
    let asked = stretch && lane.scan(stretch);
    while (stretch !== undefined) {
      const { pages, found } = await asked!;
      const end = stretch.first + pages;
      stretch = restOf(stretch, pages) ?? next(stretches);
      asked = stretch && lane.scan(stretch);
      // Its failure is met when it is its turn.
      asked?.catch(() => {});
      if (found.length > 0) lane.keep(await this.#choose(found));
      this.#options.onProgress((first + end) / all);
    }
  }

  /** Which of the pages that a lane found must be packed; the others get their places. */
  async #choose(found: Uint32Array): Promise<Uint16Array> {
    this.#changed.push(found);
    const chosen: number[] = [];
    for (const [at, page] of found.entries()) {
      if (this.#known.needsLoading()) await this.#known.load();
      if (!this.#takeKnown(page)) chosen.push(at);
    }
    return Uint16Array.from(chosen);
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
    const changed = this.#changed.reduce((sum, { length }) => sum + length, 0);
    if (parent !== undefined && changed === 0) return before;
    const isDelta =
      parent !== undefined && before.length < MOST_LISTS && changed < segment.pages / 2;
    const pages = isDelta
      ? inOrder(this.#changed, changed)
      : Uint32Array.from({ length: segment.pages }, (_, page) => page);
    const list = sealList(segment, pages, this.#names, store.keys.current);
    await store.objects.put(`lists/${list.name}`, list.parts);
    this.#listBytes += list.parts.reduce((sum, part) => sum + part.length, 0);
    return isDelta ? [...before, list.name] : [list.name];
  }
}

export const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);

/** Stretches of the pages `first` to `first + pages` of all files together; none reaches over a file's end. */
function* stretchesOf(
  files: readonly ContentFile[],
  first: number,
  pages: number,
): Generator<Stretch, undefined> {
  let before = 0;
  for (const [file, { bytes }] of files.entries()) {
    const end = Math.min(before + pagesOf(bytes), first + pages);
    for (let page = Math.max(before, first); page < end;) {
      const count = Math.min(STRETCH_PAGES, end - page);
      const offset = (page - before) * PAGE_BYTES;
      yield { file, offset, first: page - first, pages: count };
      page += count;
    }
    before += pagesOf(bytes);
  }
  return undefined;
}

/** What is left of a stretch after so many of its pages. */
const restOf = ({ file, offset, first, pages }: Stretch, done: number): Stretch | undefined =>
  done === pages
    ? undefined
    : { file, offset: offset + done * PAGE_BYTES, first: first + done, pages: pages - done };

function next(stretches: Iterator<Stretch>): Stretch | undefined {
  const { done, value } = stretches.next();
  return done === true ? undefined : (value as Stretch);
}

function inOrder(parts: readonly Uint32Array[], length: number): Uint32Array {
  const all = new Uint32Array(length);
  let filled = 0;
  for (const part of parts) {
    all.set(part, filled);
    filled += part.length;
  }
  return all.sort();
}
