import {
  EVENT_VERSIONS,
  type DomainEvent,
  type RecordedContext,
  type RecordedEvent,
} from "../../domain/events.ts";
import {
  envelopeWriter,
  MAX_LEAF_BYTES,
  type EnvelopeFacts,
  type EnvelopeFrame,
} from "../../domain/ledger/envelope.ts";
import { NotJson } from "../../domain/ledger/jcs.ts";
import type { Append } from "../../domain/ledger/ledger.ts";
import { textLeaf } from "../../domain/ledger/merkle.ts";
import {
  payloadWriter,
  recordedContext,
  recordedPayload,
  SALT_BYTES,
  type Place,
} from "../../domain/ledger/payload.ts";
import type { Clock } from "../../domain/shared/clock.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import type { Ids } from "../../domain/shared/ids.ts";
import type { Json } from "../../domain/shared/json.ts";

export interface DraftParts {
  readonly digest: Digest;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly place: Place;
}

/** The events of one append as they are recorded, and in the same order the bytes beside them. */
export interface Drafts {
  readonly frame: EnvelopeFrame;
  readonly events: readonly RecordedEvent[];
  readonly leaves: readonly Uint8Array[];
  readonly salts: readonly Uint8Array[];
  readonly payloads: readonly Uint8Array[];
}

/** Where the events of an append will be: their first index and stream version. */
interface Start {
  readonly index: number;
  readonly version: number;
}

/** Works out what an append stores. Errors: InvalidInput, code event-not-json | leaf-too-large. */
export function draftEvents(append: Append, start: Start, parts: DraftParts): Drafts {
  try {
    return drafts(append, start, parts);
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    throw new InvalidInput("event-not-json", `An event has no JSON form: ${error.message}`);
  }
}

function drafts(
  { stream, events, context, ids: given }: Append,
  start: Start,
  parts: DraftParts,
): Drafts {
  const { digest, ids, clock, place } = parts;
  const frame = {
    actor: context.actor,
    causation: context.causation ?? null,
    correlation: context.correlation ?? context.requestId,
    stream,
    time: clock.now(),
  };
  const recorded = recordedContext(context, place);
  const payloadText = payloadWriter(recorded);
  const leafText = envelopeWriter(frame);
  const result = {
    frame,
    events: new Array<RecordedEvent>(),
    leaves: new Array<Uint8Array>(),
    salts: new Array<Uint8Array>(),
    payloads: new Array<Uint8Array>(),
  };
  for (let i = 0; i < events.length; i += 1) {
    const event = events[i]!;
    const salt = ids.random(SALT_BYTES);
    const { data, payload } = recordedPayload(event, payloadText);
    const salted = digest.saltedText(salt, payload);
    const facts = {
      dataHash: salted.digest,
      id: given?.[i] ?? ids.uuid(),
      index: start.index + i,
      streamVersion: start.version + i,
      type: event.type,
      v: EVENT_VERSIONS[event.type],
    };
    const leaf = textLeaf(digest, leafText(facts));
    if (leaf.bytes.length > MAX_LEAF_BYTES) throw leafTooLarge(leaf.bytes.length);
    result.events.push(recordedEvent(frame, facts, recorded, data, leaf.hash));
    result.leaves.push(leaf.bytes);
    result.salts.push(salt);
    result.payloads.push(salted.bytes);
  }
  return result;
}

function recordedEvent(
  frame: EnvelopeFrame,
  facts: EnvelopeFacts,
  context: RecordedContext,
  data: Json,
  leafHash: Hash,
): RecordedEvent {
  return {
    type: facts.type as DomainEvent["type"],
    data,
    index: facts.index,
    id: facts.id,
    stream: frame.stream,
    streamVersion: facts.streamVersion,
    time: frame.time,
    actor: frame.actor,
    correlation: frame.correlation,
    causation: frame.causation,
    context,
    leafHash,
  } as unknown as RecordedEvent;
}

const leafTooLarge = (bytes: number): InvalidInput =>
  new InvalidInput("leaf-too-large", `A leaf of ${bytes} bytes is above ${MAX_LEAF_BYTES}`, {
    hint: "Shorten the stream's name, the correlation or the causation; data is not part of it",
    details: { bytes, limit: MAX_LEAF_BYTES },
  });
