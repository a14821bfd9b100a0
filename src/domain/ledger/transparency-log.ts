import type { Hash } from "../shared/digest.ts";
import type { TileId } from "./tile.ts";

/** What is stored of one event, as bytes and texts. */
export interface StoredEntry {
  readonly index: number;
  /** The entry of the log. */
  readonly leaf: Uint8Array;
  /** Null once the payload was erased. */
  readonly salt: Uint8Array | null;
  readonly payload: string | null;
}

/**
 * The ledger read as a transparency log. Sizes are numbers of committed events; what is asked
 * beyond them is not there (undefined) or refused.
 */
export interface TransparencyLog {
  /** The bytes of a tile or of a bundle of entries; undefined if the log has none such. */
  tile(id: TileId): Promise<Uint8Array | undefined>;
  /** At most `limit` stored entries from an index on. */
  entries(from: number, limit: number): Promise<readonly StoredEntry[]>;
  /** The root at a size. Error: InvalidInput size-beyond-log. */
  rootAt(size: number): Promise<Hash>;
  /** Error: InvalidInput size-beyond-log. */
  inclusionProof(index: number, size: number): Promise<readonly Hash[]>;
  /** For 1 ≤ first ≤ second. Error: InvalidInput size-beyond-log. */
  consistencyProof(first: number, second: number): Promise<readonly Hash[]>;
}
