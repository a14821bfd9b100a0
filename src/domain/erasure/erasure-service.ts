import { SERVICE_STREAM } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { ActorNames } from "../service/actor-names.ts";
import type { Context } from "../shared/actor.ts";
import { NotFound } from "../shared/errors.ts";
import type { ErasureState, LedgerState } from "../state/state.ts";

/** The keys under which personal data is sealed, kept outside the ledger. */
export interface SubjectKeys {
  /** The names of the keys that a subject has now. */
  keysOf(actorId: string): readonly string[];
  /** Destroys keys for good. Repeatable. */
  destroy(kids: readonly string[]): Promise<void>;
}

/** Erases what was recorded of a person in words and names, without touching an event. */
export class ErasureService {
  readonly #ledger: Pick<Ledger, "append">;
  readonly #projection: { readonly state: LedgerState };
  readonly #keys: SubjectKeys;
  readonly #names: ActorNames;

  constructor(
    ledger: Pick<Ledger, "append">,
    projection: { readonly state: LedgerState },
    keys: SubjectKeys,
    names: ActorNames,
  ) {
    this.#ledger = ledger;
    this.#projection = projection;
    this.#keys = keys;
    this.#names = names;
  }

  /** Finishes what a crash interrupted between the event and the destruction. */
  async start(): Promise<void> {
    for (const { actorId, kids } of this.#projection.state.erasures) {
      await this.#keys.destroy(kids);
      await this.#names.forget(actorId);
    }
  }

  /**
   * The actor's texts and names cannot be read any more, here, in any copy of the ledger, in its
   * backups and exports. The pseudonym stays. What the actor does later is sealed under another
   * key. Error: NotFound nothing-to-erase.
   */
  async erase(actorId: string, reason: string, context: Context): Promise<ErasureState> {
    const kids = this.#keys.keysOf(actorId);
    if (kids.length === 0 && this.#names.find(actorId) === undefined)
      throw new NotFound("nothing-to-erase", `Nothing is kept of ${actorId.slice(0, 60)}`, {
        hint: "Name the actor by the id that events show (`act_…`)",
      });
    await this.#ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      context,
      events: [{ type: "SubjectErased", data: { actorId, kids, reason } }],
    });
    await this.#keys.destroy(kids);
    await this.#names.forget(actorId);
    return this.#projection.state.erasures.at(-1)!;
  }
}
