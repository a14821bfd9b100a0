const SLAB_BYTES = 64 * 1024;

/**
 * Turns texts into bytes, one behind another in large pieces of memory: each text is written once,
 * where it is hashed and where it is stored from. What was given out is never written again.
 */
export class TextSlab {
  #slab = Buffer.alloc(0);
  #used = 0;

  /** The bytes of a text, and the same with a prefix before them. */
  write(prefix: Uint8Array, text: string): { whole: Buffer; bytes: Buffer } {
    // At most three bytes are written for each UTF-16 code unit.
    this.#reserve(prefix.length + 3 * text.length);
    const slab = this.#slab;
    const start = this.#used;
    slab.set(prefix, start);
    const from = start + prefix.length;
    const end = from + slab.write(text, from, "utf8");
    this.#used = end;
    return { whole: slab.subarray(start, end), bytes: slab.subarray(from, end) };
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#slab.length) return;
    this.#slab = Buffer.allocUnsafeSlow(Math.max(bytes, SLAB_BYTES));
    this.#used = 0;
  }
}
