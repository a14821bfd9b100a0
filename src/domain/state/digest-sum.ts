import type { Digest, Hash } from "../shared/digest.ts";

const LANES = 8;

/**
 * The sum (modulo 2^256) of the digests of a set of entities. It is the same in whatever order they
 * came and wherever they lie, and one can be taken out again: of a state of any size only what
 * changed is hashed. It tells faults, not forgers: what proves the state is the ledger.
 */
export class DigestSum {
  readonly #lanes = new Uint32Array(LANES);

  static fromHex(digest: Digest, hex: string): DigestSum {
    const sum = new DigestSum();
    sum.add(digest.fromHex(hex));
    return sum;
  }

  add(hash: Hash): void {
    const words = wordsOf(hash);
    let carry = 0;
    for (let i = LANES - 1; i >= 0; i -= 1) {
      const lane = this.#lanes[i]! + words.getUint32(4 * i) + carry;
      this.#lanes[i] = lane;
      carry = lane > 0xffff_ffff ? 1 : 0;
    }
  }

  subtract(hash: Hash): void {
    const words = wordsOf(hash);
    let borrow = 0;
    for (let i = LANES - 1; i >= 0; i -= 1) {
      const lane = this.#lanes[i]! - words.getUint32(4 * i) - borrow;
      this.#lanes[i] = lane;
      borrow = lane < 0 ? 1 : 0;
    }
  }

  /** This and another one together. */
  plus(other: DigestSum): DigestSum {
    const sum = this.copy();
    sum.add(other.bytes());
    return sum;
  }

  copy(): DigestSum {
    const sum = new DigestSum();
    sum.#lanes.set(this.#lanes);
    return sum;
  }

  bytes(): Hash {
    const bytes = new Uint8Array(4 * LANES);
    const words = wordsOf(bytes);
    for (const [i, lane] of this.#lanes.entries()) words.setUint32(4 * i, lane);
    return bytes;
  }

  hex(digest: Digest): string {
    return digest.hex(this.bytes());
  }
}

const wordsOf = (hash: Hash): DataView =>
  new DataView(hash.buffer, hash.byteOffset, hash.byteLength);

/** The digest of one entity: of which kind, which, and everything it holds. */
export const entityDigest = (digest: Digest, kind: string, id: string, text: string): Hash =>
  digest.sha256(digest.utf8(`${kind}\n${id}\n${text}`));
