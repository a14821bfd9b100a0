import { hash } from "node:crypto";
import { push, rootOf } from "../../domain/ledger/merkle.ts";
import type { Hash, Sha256 } from "../../domain/shared/digest.ts";
import { DIGEST_BYTES, FRAME_PAGES } from "./page-list.ts";

const LEAF_BYTES = FRAME_PAGES * DIGEST_BYTES;
const LEAF = Buffer.of(0);

const sha256: Sha256 = (...parts) => hash("sha256", Buffer.concat(parts), "buffer") as Hash;

/**
 * The Merkle tree hash (RFC 6962) of content: each entry is the digests of 256 consecutive pages,
 * one after another; the last entry may have fewer. Segments are added in order.
 */
export class ContentDigest {
  readonly #frontier: Hash[] = [];
  #leaves = 0;

  add(digests: Buffer): void {
    for (let at = 0; at < digests.length; at += LEAF_BYTES) {
      const leaf = sha256(LEAF, digests.subarray(at, at + LEAF_BYTES));
      push(sha256, this.#frontier, this.#leaves, leaf);
      this.#leaves += 1;
    }
  }

  /** Hex. */
  root(): string {
    return Buffer.from(rootOf(sha256, this.#frontier)).toString("hex");
  }
}
