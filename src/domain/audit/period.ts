import type { Ledger } from "../ledger/ledger.ts";
import { InvalidInput, NotFound } from "../shared/errors.ts";

/** What people write. Both bounds are inclusive RFC 3339 times; absent: the ledger's own. */
export interface PeriodQuery {
  readonly from?: string;
  readonly to?: string;
}

/**
 * A period as a range of indexes: everything after the newest event before `from`, up to the newest
 * event not later than `to`. It has no gaps, and two periods that meet share no event, also where a
 * clock was set back.
 */
export interface Period {
  readonly from: string;
  readonly to: string;
  /** Index of its first event. */
  readonly first: number;
  /** Index of its last event; below `first` when there is none. */
  readonly last: number;
}

/** Errors: `InvalidInput` period-reversed · `NotFound` before-ledger. */
export async function resolvePeriod(
  ledger: Pick<Ledger, "read">,
  { from, to }: PeriodQuery,
): Promise<Period> {
  if (from !== undefined && to !== undefined && Date.parse(from) > Date.parse(to))
    throw new InvalidInput("period-reversed", `The period ends (${to}) before it begins (${from})`);
  const last = await newest(ledger, to);
  if (last === undefined)
    throw new NotFound("before-ledger", `Nothing is recorded as early as ${to}`, {
      hint: "GET /v1/audit/events?limit=1 shows the first event",
    });
  const before = from === undefined ? undefined : await newest(ledger, justBefore(from));
  const [opening] = await ledger.read({ limit: 1, order: "asc" });
  const begin = utc(from ?? opening!.time);
  // Nothing happened since `from`: the period is that moment.
  const end = to === undefined && last.time < begin ? begin : utc(to ?? last.time);
  return {
    from: begin,
    to: end,
    first: before === undefined ? 0 : before.index + 1,
    last: last.index,
  };
}

async function newest(ledger: Pick<Ledger, "read">, to: string | undefined) {
  const bound = to === undefined ? {} : { to };
  const [event] = await ledger.read({ ...bound, limit: 1, order: "desc" });
  return event;
}

const utc = (time: string): string => new Date(time).toISOString();

/** Times are recorded in milliseconds. */
const justBefore = (time: string): string => new Date(Date.parse(time) - 1).toISOString();
