import { randomFillSync, randomBytes } from "node:crypto";
import type { Ids } from "../../domain/shared/ids.ts";

/** Random bytes of one UUIDv7, and how many ids share one call for them. */
const RANDOM_BYTES = 10;
const POOLED_IDS = 256;

/** UUIDv7 (RFC 9562) and the operating system's random bytes. */
export class UuidIds implements Ids {
  /** Asking the system for each id's bytes alone costs ten times as much (measured). */
  readonly #pool = Buffer.alloc(RANDOM_BYTES * POOLED_IDS);
  #used = this.#pool.length;

  uuid(): string {
    if (this.#used === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const end = this.#used + RANDOM_BYTES;
    // The version in the upper half of the first byte, the variant in the top bits of the third.
    this.#pool[this.#used] = 0x70 | (this.#pool[this.#used]! & 0x0f);
    this.#pool[this.#used + 2] = 0x80 | (this.#pool[this.#used + 2]! & 0x3f);
    const random = this.#pool.toString("hex", this.#used, end);
    this.#used = end;
    const time = Date.now().toString(16).padStart(12, "0");
    return (
      `${time.slice(0, 8)}-${time.slice(8)}-${random.slice(0, 4)}-${random.slice(4, 8)}` +
      `-${random.slice(8)}`
    );
  }

  random(count: number): Uint8Array {
    return randomBytes(count);
  }
}
