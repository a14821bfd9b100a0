import type { DomainEvent } from "../../src/domain/events.ts";
import type { Append, EventQuery, ExpectedVersion } from "../../src/domain/ledger/ledger.ts";
import type { Context } from "../../src/domain/shared/actor.ts";

/** The actor of sample events. */
export const ACTOR = "act_0123456789abcdef0123456789abcdef";

export const context = (overrides: Partial<Context> = {}): Context => ({
  actor: { id: ACTOR, kind: "user" },
  authn: { method: "api-key", keyId: "key-1" },
  source: { ip: "127.0.0.1", userAgent: "test" },
  requestId: "request-1",
  ...overrides,
});

/** `count` small events, told apart by their reason. */
export const revoked = (count: number, reason = "rotated"): readonly DomainEvent[] =>
  Array.from({ length: count }, (_, i) => ({
    type: "KeyRevoked",
    data: { keyId: `key-${i}`, reason: `${reason} ${i}` },
  }));

export const released = (reason: string): DomainEvent => ({
  type: "DatabaseReleased",
  data: { reason },
});

/** An append of one small event, or of what `overrides` say. */
export const appendTo = (
  stream: string,
  expected: ExpectedVersion = "any",
  overrides: Partial<Append> = {},
): Append => ({ stream, expected, events: revoked(1), context: context(), ...overrides });

/** A query of everything, or of what `overrides` say. */
export const query = (overrides: Partial<EventQuery> = {}): EventQuery => ({
  limit: 1000,
  order: "asc",
  ...overrides,
});
