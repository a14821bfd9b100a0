import { InvalidInput } from "../domain/shared/errors.ts";
import type { OptionSpec } from "./command.ts";
import type { Query } from "./client/client.ts";
import type { Output } from "./output.ts";
import type { Page } from "./resources.ts";
import { timeOf } from "./times.ts";

/** What commands take that show a page of what began, newest first. */
export interface ListOptions {
  readonly limit?: string;
  readonly after?: string;
  readonly from?: string;
  readonly to?: string;
}

export const LIST_OPTIONS: readonly OptionSpec[] = [
  { flags: "--from <time>", description: "not earlier than this" },
  { flags: "--to <time>", description: "not later than this" },
  { flags: "-n, --limit <count>", description: "at most so many (default: 100, at most 1000)" },
  { flags: "--after <cursor>", description: "go on where a page ended: its `next`" },
];

/** The query of the list. Errors: InvalidInput limit-invalid, time-unreadable. */
export function listQuery({ limit, after, from, to }: ListOptions): Query {
  if (limit !== undefined && !/^[1-9]\d{0,2}$|^1000$/.test(limit))
    throw new InvalidInput("limit-invalid", `--limit ${limit} is not a number from 1 to 1000`, {
      hint: "--after goes on where a page ends",
    });
  return {
    limit: limit === undefined ? undefined : Number(limit),
    after,
    from: from === undefined ? undefined : timeOf(from),
    to: to === undefined ? undefined : timeOf(to),
  };
}

/** Says that there is more, and how to see it. */
export function noteNext(out: Output, { next }: Page<unknown>): void {
  if (next !== null) out.note(`There are more: --after ${next}`);
}
