import type { FoldEvent } from "../../domain/events.ts";
import { upcast } from "../../domain/ledger/upcast.ts";
import type { Json } from "../../domain/shared/json.ts";
import { payloadMissing } from "./event-row.ts";

/** What folds need of an event, column by column. */
export type FoldRow = readonly [
  index: number,
  stream: string,
  streamVersion: number,
  type: string,
  v: number,
  time: string,
  actor: string,
  payload: string | null,
];

/**
 * What comes before the data in a payload's text `{"context":{…},"data":…}`. Members are sorted, no
 * member of a context is called `data`, and within a string its quotes would be escaped: the first
 * place is the right one.
 */
const DATA = '},"data":';

/** The event of a row, at the present version of its type. Of the payload the data alone is parsed. */
export function foldEvent(row: FoldRow): FoldEvent {
  const [index, stream, streamVersion, type, v, time, actor, payload] = row;
  if (payload === null) throw payloadMissing(index);
  const at = payload.indexOf(DATA) + DATA.length;
  const data = upcast({ index, type, v }, JSON.parse(payload.slice(at, -1)) as Json);
  const event = { type, data, index, stream, streamVersion, time, actor: { id: actor } };
  return event as unknown as FoldEvent;
}
