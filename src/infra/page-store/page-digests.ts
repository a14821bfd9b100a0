import { hash } from "node:crypto";
import { DIGEST_BYTES, NOWHERE, PAGE_BYTES, type SegmentParts } from "./page-list.ts";
import type { Stretch } from "./page-reader.ts";

/** Pages that are compared at once: where few have changed, most groups have none that did. */
const GROUP = 16;

/** Puts the SHA-256 of each page into `digests`; the first is that of page `first`. */
export function digestPages(raw: Buffer, digests: Buffer, first: number): void {
  for (let page = first, at = 0; at < raw.length; page += 1, at += PAGE_BYTES)
    // As text: a Buffer for each digest would take a third longer.
    digests.write(
      hash("sha256", raw.subarray(at, at + PAGE_BYTES), "binary"),
      page * DIGEST_BYTES,
      "latin1",
    );
}

/**
 * Gives each page that has the parent's digest its place there, and returns the numbers of the
 * others. Pages that the parent has nowhere are among these.
 */
export function takeFromParent(
  segment: SegmentParts,
  parent: SegmentParts | undefined,
  { first, pages }: Pick<Stretch, "first" | "pages">,
): number[] {
  const others: number[] = [];
  const end = first + pages;
  const known = Math.min(end, parent?.packs.length ?? 0);
  for (let from = first; from < end; from += GROUP) {
    const to = Math.min(from + GROUP, end);
    if (parent !== undefined && to <= known && takeRun(segment, parent, from, to)) continue;
    for (let page = from; page < to; page += 1)
      if (parent === undefined || page >= known || !takeRun(segment, parent, page, page + 1))
        others.push(page);
  }
  return others;
}

/** Takes all of the pages, or none. */
function takeRun(segment: SegmentParts, parent: SegmentParts, from: number, to: number): boolean {
  const [start, end] = [from * DIGEST_BYTES, to * DIGEST_BYTES];
  if (segment.digests.compare(parent.digests, start, end, start, end) !== 0) return false;
  for (let page = from; page < to; page += 1) if (parent.packs[page] === NOWHERE) return false;
  for (let page = from; page < to; page += 1) {
    segment.packs[page] = parent.packs[page]!;
    segment.places[page] = parent.places[page]!;
  }
  return true;
}
