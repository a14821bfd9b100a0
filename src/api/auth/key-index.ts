import type { KeyState, LedgerState } from "../../domain/state/state.ts";

/** Finds keys by token digest and by actor. Follows the projection, also when it is rebuilt. */
export class KeyIndex {
  readonly #projection: { readonly state: LedgerState };
  #keys: ReadonlyMap<string, KeyState> = new Map();
  #indexed = 0;
  readonly #byHash = new Map<string, KeyState>();
  readonly #byActor = new Map<string, KeyState>();

  constructor(projection: { readonly state: LedgerState }) {
    this.#projection = projection;
  }

  /** `sha256:` + hex of the token. */
  byTokenHash(tokenHash: string): KeyState | undefined {
    this.#follow();
    return this.#byHash.get(tokenHash);
  }

  /** The first of a person's: a key that is issued later gives what is on record no other name. */
  byActor(actorId: string): KeyState | undefined {
    this.#follow();
    return this.#byActor.get(actorId);
  }

  /** False: the key was revoked, or has expired. Who came without a key has none that could end. */
  isGood(keyId: string | undefined, now: string): boolean {
    const key = keyId === undefined ? undefined : this.#projection.state.keys.get(keyId);
    return key === undefined || (key.revoked === null && !hasExpired(key, now));
  }

  /** Keys are only ever added; a rebuilt state is another map. */
  #follow(): void {
    const { keys } = this.#projection.state;
    if (keys === this.#keys && keys.size === this.#indexed) return;
    this.#byHash.clear();
    this.#byActor.clear();
    for (const key of keys.values()) {
      this.#byHash.set(key.tokenHash, key);
      if (!this.#byActor.has(key.actorId)) this.#byActor.set(key.actorId, key);
    }
    this.#keys = keys;
    this.#indexed = keys.size;
  }
}

export const hasExpired = ({ expiresAt }: KeyState, now: string): boolean =>
  expiresAt !== null && Date.parse(expiresAt) <= Date.parse(now);
