import type { ActorNames } from "../../domain/service/actor-names.ts";
import type { LedgerState } from "../../domain/state/state.ts";
import type { Texts } from "./texts.ts";
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
  readonly #actors: ActorNames;

  /** Personal texts as they may be shown. */
  readonly open: Texts["open"];
  readonly openText: (json: string) => string;

  constructor(
    projection: { readonly state: LedgerState },
    keys: KeyIndex,
    actors: ActorNames,
    texts: Texts,
  ) {
    this.open = texts.open;
    this.openText = (json) => texts.openText(json);
    this.#projection = projection;
    this.#keys = keys;
    this.#actors = actors;
  }

  /** Who has neither a key nor a name in the directory is the service itself. */
  actor(id: string): ActorView {
    const key = this.#keys.byActor(id);
    if (key !== undefined) return { id, name: this.open(key.name), kind: key.actorKind };
    const named = this.#actors.find(id);
    return named === undefined ? { id, name: "schemaledger", kind: "system" } : { id, ...named };
  }

  /** The name of a database; its id should it be unknown. */
  database(id: string): string {
    return this.#projection.state.databases.get(id)?.name ?? id;
  }
}
