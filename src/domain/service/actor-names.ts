/** A name of an actor as people know it, and what it is. */
export interface ActorName {
  readonly name: string;
  readonly kind: "user" | "service";
}

/**
 * Names of actors that have no key, by pseudonym. Kept outside the ledger, which holds pseudonyms
 * only: a name can be erased without touching what is recorded.
 */
export interface ActorNames {
  /** Undefined for an actor that was never introduced, or whose name was erased. */
  find(id: string): ActorName | undefined;
  /** Durable before it resolves; a name that is known already is left as it is. */
  introduce(id: string, name: ActorName): Promise<void>;
  /** Durable before it resolves; repeatable. */
  forget(id: string): Promise<void>;
}
