import { randomBytes, randomFillSync } from "node:crypto";
import { v7 } from "uuid";
import type { Ids } from "../../domain/shared/ids.ts";

const POOL_BYTES = 4096;
/** Bytes of a UUID, and of the randomness that one is made of. */
const UUID_BYTES = 16;
const UUIDS = 256;

/**
 * UUIDv7 (RFC 9562), growing within one object, and the operating system's random bytes. The
 * bytes come from a pool: asking the system for a few each time costs five times as much as all
 * the rest of a UUID (measured).
 */
export class UuidIds implements Ids {
  /** Bytes of which each is given out once. */
  #pool = Buffer.alloc(0);
  #used = 0;
  readonly #id = Buffer.alloc(UUID_BYTES);
  /** Randomness of the next UUIDs, cut up once and for all. */
  readonly #seeds = new Uint8Array(UUIDS * UUID_BYTES);
  readonly #cut = Array.from({ length: UUIDS }, (_, i) =>
    this.#seeds.subarray(i * UUID_BYTES, (i + 1) * UUID_BYTES),
  );
  #made = UUIDS;
  #msecs = 0;
  #seq = 0;

  uuid(): string {
    const random = this.#seed();
    const now = Date.now();
    if (now > this.#msecs) {
      this.#msecs = now;
      // 31 bits, so that the 32-bit counter has room above.
      this.#seq = ((random[0]! & 0x7f) << 24) | (random[1]! << 16) | (random[2]! << 8) | random[3]!;
    } else this.#seq += 1;
    v7({ random, msecs: this.#msecs, seq: this.#seq }, this.#id);
    const hex = this.#id.toString("hex");
    return (
      `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}` +
      `-${hex.slice(20)}`
    );
  }

  #seed(): Uint8Array {
    if (this.#made === UUIDS) {
      randomFillSync(this.#seeds);
      this.#made = 0;
    }
    this.#made += 1;
    return this.#cut[this.#made - 1]!;
  }

  random(count: number): Uint8Array {
    if (count > POOL_BYTES / 4) return randomBytes(count);
    if (this.#used + count > this.#pool.length) {
      // A new one: what was given out belongs to whom it was given.
      this.#pool = randomBytes(POOL_BYTES);
      this.#used = 0;
    }
    this.#used += count;
    return this.#pool.subarray(this.#used - count, this.#used);
  }
}
