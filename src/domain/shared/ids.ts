/** Identifiers, passed in so that the domain stays pure. */
export interface Ids {
  /** A new UUIDv7. Ids identify; only the ledger index orders. */
  uuid(): string;
  /** `count` bytes nobody can guess. */
  random(count: number): Uint8Array;
}
