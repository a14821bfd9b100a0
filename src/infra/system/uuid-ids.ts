import { randomBytes, randomFillSync } from "node:crypto";
import type { Ids } from "../../domain/shared/ids.ts";

/** Random bytes of one UUIDv7. */
const UUID_BYTES = 10;

/** UUIDv7 (RFC 9562) and the operating system's random bytes. */
export class UuidIds implements Ids {
  /** Asking the system each time for a few bytes costs ten times as much (measured). */
  readonly #pool = Buffer.alloc(4096);
  #used = this.#pool.length;

  uuid(): string {
    const at = this.#take(UUID_BYTES);
    // The version in the upper half of the first byte, the variant in the top bits of the third.
    this.#pool[at] = 0x70 | (this.#pool[at]! & 0x0f);
    this.#pool[at + 2] = 0x80 | (this.#pool[at + 2]! & 0x3f);
    const random = this.#pool.toString("hex", at, at + UUID_BYTES);
    const time = Date.now().toString(16).padStart(12, "0");
    return (
      `${time.slice(0, 8)}-${time.slice(8)}-${random.slice(0, 4)}-${random.slice(4, 8)}` +
      `-${random.slice(8)}`
    );
  }

  random(count: number): Uint8Array {
    if (count > this.#pool.length / 4) return randomBytes(count);
    const at = this.#take(count);
    const bytes = Uint8Array.from(this.#pool.subarray(at, at + count));
    // What was given out is not kept.
    this.#pool.fill(0, at, at + count);
    return bytes;
  }

  /** Place of `count` fresh bytes in the pool; each is used once. */
  #take(count: number): number {
    if (this.#used + count > this.#pool.length) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += count;
    return at;
  }
}
