import type { DomainEvent, RecordedContext } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Digest } from "../shared/digest.ts";
import type { Json } from "../shared/json.ts";
import { jcs, NotJson } from "./jcs.ts";

/** Bytes of the salt that hides a payload behind its hash. */
export const SALT_BYTES = 16;

/** What the ledger's process adds to each context. */
export interface Place {
  readonly host: string;
  readonly instance: string;
  readonly toolVersion: string;
}

/** What is kept of a command's circumstances. */
export function recordedContext(context: Context, place: Place): RecordedContext {
  return {
    authn: present(context.authn),
    host: place.host,
    instance: place.instance,
    requestId: context.requestId,
    source: present(context.source),
    tool: { version: place.toolVersion },
  };
}

/**
 * The stored texts of one append's payloads: the JCS form of `{"context":…,"data":…}`. The context
 * is written once. `data` must have no undefined members (see `present`).
 */
export function payloadWriter(context: RecordedContext): (data: Json) => string {
  const head = `{"context":${jcs(context as unknown as Json)},"data":`;
  return (data) => `${head}${jcs(data)}}`;
}

/** `sha256:` + hex(SHA-256(salt || payload bytes)). */
export const dataHash = (digest: Digest, salt: Uint8Array, payload: Uint8Array): string =>
  digest.ofBytes(salt, payload);

/**
 * The data of an event as it will be read back, without undefined members, and its payload's text
 * by `write`. Few events have such members, so they are looked for only once JCS has met one.
 */
export function recordedPayload(
  event: DomainEvent,
  write: (data: Json) => string,
): { readonly data: Json; readonly payload: string } {
  const data = event.data as unknown as Json;
  try {
    return { data, payload: write(data) };
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    const clean = present(data);
    if (clean === data) throw error;
    return { data: clean, payload: write(clean) };
  }
}

/**
 * A value without its undefined members, at any depth. This is the one place where they are
 * dropped: an optional member that is undefined and one that is absent mean the same, and JCS
 * refuses the former. Gives the value itself when there is nothing to drop.
 */
export function present<T>(value: T): T {
  return (hasUndefined(value) ? withoutUndefined(value) : value) as T;
}

function hasUndefined(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(hasUndefined);
  const object = value as { readonly [key: string]: unknown };
  for (const key in object) {
    const member = object[key];
    if (member === undefined || hasUndefined(member)) return true;
  }
  return false;
}

function withoutUndefined(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutUndefined);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, withoutUndefined(member)]));
}
