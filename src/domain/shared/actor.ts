import type { Json } from "./json.ts";

export type ActorKind = "user" | "service" | "system";

/** Who acts. `id` is `act_` + 32 hex: a pseudonym, never a name (event-store §8). */
export interface Actor {
  readonly id: string;
  readonly kind: ActorKind;
}

/**
 * The circumstances of a command, recorded with each event it causes: actor, how the actor proved
 * who they are, where the request came from. Nothing is anonymous.
 */
export interface Context {
  readonly actor: Actor;
  readonly authn: {
    /**
     * `local`: somebody with access to the data directory itself, without a service; `none`: a
     * request that was refused before anything was proved.
     */
    readonly method: "api-key" | "oidc" | "internal" | "local" | "none";
    readonly keyId?: string;
  };
  /** `ip` is the last trusted hop; `userAgent` is self-declared and untrusted. */
  readonly source: { readonly ip?: string; readonly userAgent?: string };
  readonly requestId: string;
  /** Shared by everything that one run or one request causes. Default: `requestId`. */
  readonly correlation?: string;
  /** Id of the event or request that caused this. Default: null. */
  readonly causation?: string;
  readonly idempotency?: Idempotency;
}

/** A client's Idempotency-Key, made unique by actor, with the digest of method, path and body. */
export interface Idempotency {
  readonly key: string;
  /** `sha256:` + hex. The same key with another hash is refused. */
  readonly requestHash: string;
}

/** What is stored for a repeated request. `body` is absent until the first answer was computed. */
export interface StoredAnswer {
  readonly requestHash: string;
  readonly answer: { readonly [key: string]: Json } | undefined;
}
