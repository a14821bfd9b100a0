import { InvalidInput } from "../domain/shared/errors.ts";

/** A list's query, as every list takes it. */
export interface Paging {
  readonly limit?: number;
  readonly after?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export const DEFAULT_LIMIT = 100;

/**
 * One page of a list that is ordered newest first by an event's index. The cursor is the index of
 * the last item shown: pages neither repeat nor skip when items are added meanwhile.
 */
export function pageOf<S, T>(
  newestFirst: Iterable<S>,
  paging: Paging,
  indexOf: (item: S) => number,
  view: (item: S) => T,
): Page<T> {
  const limit = paging.limit ?? DEFAULT_LIMIT;
  const after = paging.after === undefined ? Infinity : decodeCursor(paging.after);
  const items: S[] = [];
  for (const item of newestFirst) {
    if (indexOf(item) >= after) continue;
    if (items.length === limit)
      return { items: items.map(view), next: encodeCursor(indexOf(items.at(-1)!)) };
    items.push(item);
  }
  return { items: items.map(view), next: null };
}

/** A list that is always shown whole. */
export const wholePage = <T>(items: readonly T[]): Page<T> => ({ items, next: null });

const encodeCursor = (index: number): string =>
  Buffer.from(`i${index}`, "utf8").toString("base64url");

function decodeCursor(cursor: string): number {
  const index = /^i(\d{1,15})$/.exec(Buffer.from(cursor, "base64url").toString("utf8"))?.[1];
  if (index !== undefined) return Number(index);
  throw new InvalidInput("malformed-cursor", "The cursor was not made by this service", {
    hint: "Pass the `next` of the page before, unchanged",
  });
}
