import type { LedgerState } from "../../domain/state/state.ts";
import type { KeyIndex } from "../auth/key-index.ts";

/** An actor as shown: the pseudonym, the name it has now, and its kind. */
export interface ActorView {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
}

/** Resolves ids to names at the time of reading: the ledger itself holds none. */
export class Names {
  readonly #projection: { readonly state: LedgerState };
  readonly #keys: KeyIndex;

  constructor(projection: { readonly state: LedgerState }, keys: KeyIndex) {
    this.#projection = projection;
    this.#keys = keys;
  }

  /** Who has no key is the service itself. */
  actor(id: string): ActorView {
    const key = this.#keys.byActor(id);
    return key === undefined
      ? { id, name: "schemaledger", kind: "system" }
      : { id, name: key.name, kind: key.actorKind };
  }

  /** The name of a database; its id should it be unknown. */
  database(id: string): string {
    return this.#projection.state.databases.get(id)?.name ?? id;
  }
}
