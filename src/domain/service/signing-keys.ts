import { SERVICE_STREAM } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict, NotFound } from "../shared/errors.ts";
import type { LedgerState, SigningKeyState } from "../state/state.ts";

/** Where private halves live. */
export interface KeyStore {
  /** Makes a key that does not sign yet; durable when it resolves. Gives its verifier key. */
  create(): Promise<string>;
  /** Signs with these keys from now on, the newest first. */
  use(verifierKeys: readonly string[]): void;
  /** Destroys the private half of a key that will never sign again. Repeatable. */
  destroy(verifierKey: string): Promise<void>;
}

/**
 * Rotates the keys that sign checkpoints. A new key signs together with the one before it, so that
 * those who check have time to take it up, until the older one is retired.
 */
export class SigningKeys {
  readonly #ledger: Pick<Ledger, "append">;
  readonly #projection: { readonly state: LedgerState };
  readonly #store: KeyStore;

  constructor(
    ledger: Pick<Ledger, "append">,
    projection: { readonly state: LedgerState },
    store: KeyStore,
  ) {
    this.#ledger = ledger;
    this.#projection = projection;
    this.#store = store;
  }

  /** Every key that ever signed, in order. */
  list(): readonly SigningKeyState[] {
    return this.#projection.state.signingKeys;
  }

  /** Those that sign now, the newest first. */
  active(): readonly string[] {
    const active = this.list().filter(({ retired }) => retired === null);
    return active.map(({ verifierKey }) => verifierKey).toReversed();
  }

  /** Takes up what the ledger says; finishes a retirement that a crash interrupted. */
  async start(): Promise<void> {
    this.#store.use(this.active());
    for (const { verifierKey, retired } of this.list())
      if (retired !== null) await this.#store.destroy(verifierKey);
  }

  /**
   * Signs with a key that the ledger does not know, instead of all those whose private halves were
   * lost. Whoever checks checkpoints must be told by other means: no old key vouches for it.
   */
  async replaceLost(verifierKey: string, reason: string, context: Context): Promise<void> {
    const lost = this.active();
    const retired = lost.map((key) => ({
      type: "KeyRetired" as const,
      data: { verifierKey: key, reason },
    }));
    const rotated = { verifierKey, previous: lost[0]!, reason };
    await this.#ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      context,
      events: [{ type: "KeyRotated", data: rotated }, ...retired],
    });
    this.#store.use(this.active());
  }

  /** Both keys sign every checkpoint from the event on. Gives the new verifier key. */
  async rotate(reason: string, context: Context): Promise<string> {
    const verifierKey = await this.#store.create();
    const previous = this.active()[0]!;
    // A process that dies here leaves a key that never signs.
    await this.#ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      context,
      events: [{ type: "KeyRotated", data: { verifierKey, previous, reason } }],
    });
    this.#store.use(this.active());
    return verifierKey;
  }

  /**
   * The key signs no more, and its private half is destroyed. Errors: NotFound
   * signing-key-not-found · Conflict signing-key-retired, last-signing-key.
   */
  async retire(verifierKey: string, reason: string, context: Context): Promise<void> {
    const key = this.list().find((one) => one.verifierKey === verifierKey);
    if (key === undefined)
      throw new NotFound("signing-key-not-found", "This ledger has no such signing key", {
        hint: "GET /v1/ledger/signing-keys lists them",
      });
    if (key.retired !== null)
      throw new Conflict("signing-key-retired", "The signing key is retired already");
    if (this.active().length === 1)
      throw new Conflict("last-signing-key", "The only key that signs cannot be retired", {
        hint: "Rotate first with POST /v1/ledger/signing-keys",
      });
    await this.#ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      context,
      events: [{ type: "KeyRetired", data: { verifierKey, reason } }],
    });
    this.#store.use(this.active());
    await this.#store.destroy(verifierKey);
  }
}
