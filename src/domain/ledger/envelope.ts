import type { Actor } from "../shared/actor.ts";
import { jcsString } from "./jcs.ts";

/** Largest leaf in bytes: entry bundles carry the length in two bytes. */
export const MAX_LEAF_BYTES = 65_535;

/** What all events of one append share. */
export interface EnvelopeFrame {
  readonly actor: Actor;
  readonly causation: string | null;
  readonly correlation: string;
  readonly stream: string;
  /** RFC 3339 UTC, milliseconds. */
  readonly time: string;
}

/** What each event has of its own. */
export interface EnvelopeFacts {
  /** `sha256:` + hex(SHA-256(salt || payload text)). */
  readonly dataHash: string;
  readonly id: string;
  readonly index: number;
  readonly streamVersion: number;
  readonly type: string;
  readonly v: number;
}

/**
 * Writes leaf texts: the JCS form of an envelope. Its members and their order are fixed, so the
 * text is put together from parts, and what the events of an append share is written only once.
 */
export function envelopeWriter(frame: EnvelopeFrame): (facts: EnvelopeFacts) => string {
  const causation = frame.causation === null ? "null" : jcsString(frame.causation);
  const head =
    `{"actor":${jcsString(frame.actor.id)},"actor_kind":${jcsString(frame.actor.kind)}` +
    `,"causation":${causation},"correlation":${jcsString(frame.correlation)},"data_hash":"`;
  const stream = `,"stream":${jcsString(frame.stream)},"stream_pos":`;
  const time = `,"time":${jcsString(frame.time)},"type":"`;
  return (facts) =>
    `${head}${facts.dataHash}","id":"${facts.id}","index":${facts.index}${stream}` +
    `${facts.streamVersion}${time}${facts.type}","v":${facts.v}}`;
}
