import type { Recorded, RecordedContext, RecordedEvent } from "../../domain/events.ts";
import { upcast } from "../../domain/ledger/upcast.ts";
import type { ActorKind } from "../../domain/shared/actor.ts";
import type { Json } from "../../domain/shared/json.ts";
import { payloadMissing } from "./event-row.ts";

/** Every event of a range, in order, with the columns of `ReplayRow`. */
export const REPLAY_RANGE = `SELECT e.idx, e.id, e.stream, e.stream_pos, e.type, e.v, e.time,
    e.actor, e.actor_kind, e.correlation, e.causation, e.leaf_hash, p.data
  FROM event e LEFT JOIN payload p ON p.idx = e.idx
  WHERE e.idx >= ? ORDER BY e.idx LIMIT ?`;

export type ReplayRow = readonly [
  index: number,
  id: string,
  stream: string,
  streamVersion: number,
  type: string,
  v: number,
  time: string,
  actor: string,
  actorKind: ActorKind,
  correlation: string,
  causation: string | null,
  leafHash: Uint8Array,
  payload: string | null,
];

/**
 * What comes before the data in a payload's text. Its members are sorted, no member of a context is
 * called `data`, and within a string the quotes would be escaped: the first one is the one.
 */
const DATA = '},"data":';

/** An event as it is folded by the million: of its payload, only the data is parsed. */
export function replayedEvent(row: ReplayRow): RecordedEvent {
  const [index, , , , type, v, , , , , , , payload] = row;
  if (payload === null) throw payloadMissing(index);
  const at = payload.indexOf(DATA);
  const data = JSON.parse(payload.slice(at + DATA.length, -1)) as Json;
  return new ReplayedEvent(row, upcast({ index, type, v }, data)) as unknown as RecordedEvent;
}

class ReplayedEvent implements Recorded {
  readonly type: string;
  readonly data: Json;
  readonly index: number;
  readonly id: string;
  readonly stream: string;
  readonly streamVersion: number;
  readonly time: string;
  readonly actor: { readonly id: string; readonly kind: ActorKind };
  readonly correlation: string;
  readonly causation: string | null;
  readonly leafHash: Uint8Array;
  readonly #payload: string;

  constructor(row: ReplayRow, data: Json) {
    this.type = row[4];
    this.data = data;
    this.index = row[0];
    this.id = row[1];
    this.stream = row[2];
    this.streamVersion = row[3];
    this.time = row[6];
    this.actor = { id: row[7], kind: row[8] };
    this.correlation = row[9];
    this.causation = row[10];
    this.leafHash = row[11];
    this.#payload = row[12]!;
  }

  get context(): RecordedContext {
    return (JSON.parse(this.#payload) as { context: RecordedContext }).context;
  }
}
