import type { AuditRow } from "../../domain/audit/audit-log.ts";
import type { RecordedContext, RecordedEvent } from "../../domain/events.ts";
import { upcast } from "../../domain/ledger/upcast.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import type { Json } from "../../domain/shared/json.ts";

/** The event of a row, at the present version of its type. */
export function recordedEvent(row: AuditRow): RecordedEvent {
  if (row.payload === null) throw payloadMissing(row.index);
  const payload = JSON.parse(row.payload) as { context: RecordedContext; data: Json };
  return {
    type: row.type,
    data: upcast(row, payload.data),
    index: row.index,
    id: row.id,
    stream: row.stream,
    streamVersion: row.streamVersion,
    time: row.time,
    actor: { id: row.actor, kind: row.actorKind },
    correlation: row.correlation,
    causation: row.causation,
    context: payload.context,
    leafHash: Buffer.from(row.leafHash, "hex"),
  } as unknown as RecordedEvent;
}

/** An event without its payload stops whoever needs it. */
export const payloadMissing = (index: number): Unavailable =>
  new Unavailable("payload-erased", `The payload of event ${index} is missing or was erased`, {
    hint: "Run a verification of the ledger to see what is missing",
    details: { index },
  });
