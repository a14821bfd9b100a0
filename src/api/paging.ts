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
 * the last item shown: pages neither repeat nor skip when items are added meanwhile. One more than
 * is shown is asked for, to know whether the list goes on.
 */
export async function pageOf<S, T>(
  paging: Paging,
  list: (page: { readonly before?: number; readonly limit: number }) => Promise<readonly S[]>,
  indexOf: (item: S) => number,
  view: (item: S) => T,
): Promise<Page<T>> {
  const { limit = DEFAULT_LIMIT, after } = paging;
  const before = after === undefined ? {} : { before: decodeCursor(after) };
  const found = await list({ ...before, limit: limit + 1 });
  const shown = found.slice(0, limit);
  const next = found.length > limit ? encodeCursor(indexOf(shown.at(-1)!)) : null;
  return { items: shown.map(view), next };
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
