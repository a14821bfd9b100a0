import { hash } from "node:crypto";
import { open } from "node:fs/promises";
import type { BackupManifest, StoreAccess } from "../../domain/backup/backup-store.ts";
import { PAGE_BYTES, PackNames, SEGMENT_PAGES, loadSegment, type Segment } from "./page-list.ts";
import { openStore } from "./open-store.ts";

/** Pages of the store that are read from the file at a time. */
const AT_ONCE = 256;

/**
 * Numbers (from 0) of the store's pages at which a file differs from the one file of a backup, its
 * first page left out: it has counters that every copy changes. Never for a file to which this
 * process has a database connection: closing the descriptor would drop its locks.
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
      const segment = await loadSegment(store, content.segments[number]!, part, new PackNames());
      for (let page = 0; page < segment.pages; page += AT_ONCE) {
        const count = Math.min(AT_ONCE, segment.pages - page);
        const bytes = Buffer.alloc(count * PAGE_BYTES);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, (first + page) * PAGE_BYTES);
        differing.push(...differencesIn(segment, page, count, bytes.fill(0, bytesRead)));
      }
    }
    for (let page = known; page < pages; page += 1) differing.push(page);
    return differing.filter((page) => page > 0);
  } finally {
    await file.close();
  }
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
