import { hash } from "node:crypto";
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import type { StoredContent } from "../../domain/backup/backup-store.ts";
import { ContentDigest } from "./content-digest.ts";
import { pagesOf } from "./content-writer.ts";
import { PackReader, WHOLE_PACK } from "./pack.ts";
import {
  DIGEST_BYTES,
  PAGE_BYTES,
  PackNames,
  SEGMENT_PAGES,
  SegmentRoom,
  loadSegment,
  type PagePlaces,
  type ReadableObjects,
  type Segment,
} from "./page-list.ts";
import { damaged } from "./sealed-object.ts";
import { release } from "./release.ts";

/** Where pages of a segment go: a part of a file. */
export interface Target {
  readonly path: string;
  /** Byte of the file at which page `first` of the segment goes. */
  readonly offset: number;
  readonly first: number;
  readonly pages: number;
}

/** Pages of one pack, in the order in which they lie there. */
export interface PackTask {
  readonly pack: string;
  readonly pages: Uint32Array;
}

/** Brings pages of one segment back. */
export type PlacePages = (
  segment: Segment,
  targets: readonly Target[],
  tasks: readonly PackTask[],
  onPlaced: (pages: number) => void,
) => Promise<void>;

/**
 * Writes the files of stored content to `paths`, which `createFiles` has made. Each page's digest is
 * compared before it is written, and the whole's before this resolves. Rejects with
 * `backup-damaged`, which names pack and page.
 */
export async function restoreContent(
  store: ReadableObjects,
  content: StoredContent,
  paths: readonly string[],
  place: PlacePages,
  onPlaced: (bytes: number) => void,
): Promise<void> {
  const files = content.files.map(({ bytes }, at) => ({ path: paths[at]!, bytes }));
  const all = files.reduce((sum, { bytes }) => sum + pagesOf(bytes), 0);
  const digest = new ContentDigest();
  const room = new SegmentRoom(Math.min(SEGMENT_PAGES, all));
  let placed = 0;
  for (let first = 0, number = 0; first < all; first += SEGMENT_PAGES, number += 1) {
    const names = new PackNames();
    const pages = Math.min(SEGMENT_PAGES, all - first);
    const segment = await loadSegment(
      store,
      content.segments[number] ?? [],
      { first, pages },
      names,
      room,
    );
    digest.add(segment.digests);
    await place(segment, targetsOf(files, first, pages), tasksOf(segment, names), (count) => {
      placed += count;
      onPlaced(placed * PAGE_BYTES);
    });
  }
  if (digest.root() !== content.sha256)
    throw damaged("lists", `its digest is ${digest.root()} instead of ${content.sha256}`);
  for (const { path, bytes } of files) resize(path, bytes);
}

/** Does the work in this thread. */
export const placeInline =
  (store: ReadableObjects): PlacePages =>
  async (segment, targets, tasks, onPlaced) => {
    const writer = new PageWriter(segment, targets);
    try {
      for (const task of tasks) await placeTask(store, segment, writer, task, onPlaced);
    } finally {
      writer.close();
    }
  };

/** Of a pack that so many pages are needed of all is read at once: 4 MiB hold a thousand at least. */
const MANY = 500;

/** Reads each frame of the pack that has pages of the task once. */
export async function placeTask(
  store: ReadableObjects,
  segment: PagePlaces,
  writer: PageWriter,
  { pack, pages }: PackTask,
  onPlaced: (pages: number) => void,
): Promise<void> {
  const reader = await PackReader.open(store, pack, pages.length < MANY ? 0 : WHOLE_PACK);
  for (let from = 0; from < pages.length;) {
    const frame = segment.places[pages[from]!]! >>> 16;
    let to = from;
    while (to < pages.length && segment.places[pages[to]!]! >>> 16 === frame) to += 1;
    const raw = await reader.pages(frame);
    writer.place(pack, raw, pages.subarray(from, to));
    release(raw);
    onPlaced(to - from);
    from = to;
  }
  reader.close();
}

/** Checks pages and writes them where they belong; neighbours together. */
export class PageWriter {
  readonly #segment: PagePlaces;
  readonly #targets: readonly Target[];
  readonly #open = new Map<string, number>();

  constructor(segment: PagePlaces, targets: readonly Target[]) {
    this.#segment = segment;
    this.#targets = targets;
  }

  /** `pages` of one frame, whose content is `raw`. */
  place(pack: string, raw: Buffer, pages: Uint32Array): void {
    for (const page of pages) this.#require(pack, raw, page);
    for (let from = 0; from < pages.length;) {
      const target = this.#targetOf(pages[from]!);
      let to = from + 1;
      while (to < pages.length && this.#follows(pages, to, target)) to += 1;
      const slot = this.#slot(pages[from]!);
      const bytes = raw.subarray(slot * PAGE_BYTES, (slot + to - from) * PAGE_BYTES);
      const offset = target.offset + (pages[from]! - target.first) * PAGE_BYTES;
      writeFully(this.#descriptor(target.path), bytes, offset);
      from = to;
    }
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #require(pack: string, raw: Buffer, page: number): void {
    const at = this.#slot(page) * PAGE_BYTES;
    const stored = raw.subarray(at, at + PAGE_BYTES);
    const found = stored.length === PAGE_BYTES ? hash("sha256", stored, "binary") : "";
    const from = page * DIGEST_BYTES;
    if (found === this.#segment.digests.toString("latin1", from, from + DIGEST_BYTES)) return;
    const frame = this.#segment.places[page]! >>> 16;
    const number = this.#segment.first + page;
    throw damaged(`packs/${pack}`, `page ${number} (frame ${frame}) has another digest`, {
      frame,
      page: number,
    });
  }

  #slot(page: number): number {
    return this.#segment.places[page]! & 0xffff;
  }

  /** Whether the page lies behind its forerunner both in the frame and in the file. */
  #follows(pages: Uint32Array, at: number, target: Target): boolean {
    const page = pages[at]!;
    const before = pages[at - 1]!;
    return (
      page === before + 1 &&
      page < target.first + target.pages &&
      this.#slot(page) === this.#slot(before) + 1
    );
  }

  #targetOf(page: number): Target {
    return this.#targets.find(({ first, pages }) => page < first + pages)!;
  }

  #descriptor(path: string): number {
    let fd = this.#open.get(path);
    if (fd === undefined) {
      fd = openSync(path, "r+");
      this.#open.set(path, fd);
    }
    return fd;
  }
}

function writeFully(fd: number, bytes: Buffer, offset: number): void {
  for (let at = 0; at < bytes.length;)
    at += writeSync(fd, bytes, at, bytes.length - at, offset + at);
}

/** Pages by pack, then frame and slot: each frame is opened once, and read in order. */
function tasksOf(segment: Segment, names: PackNames): PackTask[] {
  const byPack = new Map<number, number>();
  for (const pack of segment.packs) byPack.set(pack, (byPack.get(pack) ?? 0) + 1);
  const filled = new Map<number, { pages: Uint32Array; count: number }>();
  for (const [pack, count] of byPack) filled.set(pack, { pages: new Uint32Array(count), count: 0 });
  for (let page = 0; page < segment.pages; page += 1) {
    const task = filled.get(segment.packs[page]!)!;
    task.pages[task.count] = page;
    task.count += 1;
  }
  return [...filled].map(([pack, { pages }]) => ({
    pack: names.name(pack),
    pages: inPlaceOrder(segment, pages),
  }));
}

function inPlaceOrder(segment: Segment, pages: Uint32Array): Uint32Array {
  const { places } = segment;
  // In a full backup they mostly are in order: looking costs less than sorting.
  for (let at = 1; at < pages.length; at += 1)
    if (places[pages[at]!]! < places[pages[at - 1]!]!)
      return pages.toSorted((a, b) => places[a]! - places[b]! || a - b);
  return pages;
}

function targetsOf(
  files: readonly { readonly path: string; readonly bytes: number }[],
  first: number,
  pages: number,
): Target[] {
  const targets: Target[] = [];
  let before = 0;
  for (const { path, bytes } of files) {
    const from = Math.max(before, first);
    const to = Math.min(before + pagesOf(bytes), first + pages);
    if (from < to)
      targets.push({
        path,
        offset: (from - before) * PAGE_BYTES,
        first: from - first,
        pages: to - from,
      });
    before += pagesOf(bytes);
  }
  return targets;
}

/** Where nothing may be. */
export function createFiles({ files }: StoredContent, paths: readonly string[]): void {
  for (const [at, { bytes }] of files.entries()) create(paths[at]!, bytes);
}

function create(path: string, bytes: number): void {
  const fd = openSync(path, "wx", 0o600);
  try {
    ftruncateSync(fd, pagesOf(bytes) * PAGE_BYTES);
  } finally {
    closeSync(fd);
  }
}

function resize(path: string, bytes: number): void {
  const fd = openSync(path, "r+");
  try {
    ftruncateSync(fd, bytes);
  } finally {
    closeSync(fd);
  }
}
