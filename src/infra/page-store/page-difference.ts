import { hash } from "node:crypto";
import { open } from "node:fs/promises";
import type { BackupManifest, StoreAccess } from "../../domain/backup/backup-store.ts";
import { PackReader } from "./pack.ts";
import {
  PAGE_BYTES,
  PackNames,
  SEGMENT_PAGES,
  loadSegment,
  type ReadableObjects,
  type Segment,
} from "./page-list.ts";
import { openStore } from "./open-store.ts";

/** Pages of the store that are read from the file at a time. */
const AT_ONCE = 256;

/**
 * Bytes of a database's header that a copy changes: WAL or not, the counters of changes and of the
 * schema, and what goes with them. All else of the first page is compared.
 */
const COUNTERS: readonly (readonly [from: number, to: number])[] = [
  [18, 20],
  [24, 28],
  [40, 44],
  [92, 100],
];

/**
 * Numbers (from 0) of the store's pages at which a file differs from the one file of a backup. Never
 * for a file to which this process has a database connection: closing the descriptor would drop its
 * locks.
 */
export async function differingPages(
  access: StoreAccess,
  { content }: BackupManifest,
  path: string,
): Promise<number[]> {
  const store = openStore(access);
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const pages = Math.ceil(Math.max(size, content.bytes) / PAGE_BYTES);
    const known = Math.ceil(content.bytes / PAGE_BYTES);
    const differing: number[] = [];
    for (let first = 0, number = 0; first < known; first += SEGMENT_PAGES, number += 1) {
      const part = { first, pages: Math.min(SEGMENT_PAGES, known - first) };
      const packs = new PackNames();
      const segment = await loadSegment(store, content.segments[number]!, part, packs);
      for (let page = 0; page < segment.pages; page += AT_ONCE) {
        const count = Math.min(AT_ONCE, segment.pages - page);
        const bytes = Buffer.alloc(count * PAGE_BYTES);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, (first + page) * PAGE_BYTES);
        const found = differencesIn(segment, page, count, bytes.fill(0, bytesRead));
        if (found[0] === 0 && (await isSameStart(store, segment, packs, bytes))) found.shift();
        differing.push(...found);
      }
    }
    for (let page = known; page < pages; page += 1) differing.push(page);
    return differing;
  } finally {
    await file.close();
  }
}

/** Whether the first page differs in nothing but counters. */
async function isSameStart(
  store: ReadableObjects,
  segment: Segment,
  packs: PackNames,
  found: Buffer,
): Promise<boolean> {
  const place = segment.places[0]!;
  const pack = await PackReader.open(store, packs.name(segment.packs[0]!));
  const frame = await pack.pages(place >>> 16);
  const at = (place & 0xffff) * PAGE_BYTES;
  const [stored, present] = [frame.subarray(at, at + PAGE_BYTES), found.subarray(0, PAGE_BYTES)];
  for (const page of [stored, present]) for (const [from, to] of COUNTERS) page.fill(0, from, to);
  return stored.equals(present);
}

function differencesIn(segment: Segment, from: number, count: number, bytes: Buffer): number[] {
  const found: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const page = bytes.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES);
    const digest = hash("sha256", page, "buffer");
    if (!digest.equals(segment.digest(from + n))) found.push(segment.first + from + n);
  }
  return found;
}
