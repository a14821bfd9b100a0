/** Words (32 bits) of a digest that are compared: 128 bits, so that nobody can make two alike. */
const KEY_WORDS = 4;
const FREE = 0;
/** The share of slots that may be taken. */
const FULL = 0.75;

/** Where a page lies: number of its pack, and frame and slot in one. */
export interface Place {
  readonly pack: number;
  readonly place: number;
}

/** Digest → place, in 28 bytes an entry: open addressing in typed arrays, no objects. */
export class PageTable {
  #capacity: number;
  #keys: Uint32Array;
  #packs: Uint32Array;
  #places: Uint32Array;
  /** 1 where there is an entry. */
  #used: Uint8Array;
  #size = 0;

  constructor(expected: number) {
    this.#capacity = 1 << Math.max(10, Math.ceil(Math.log2(Math.max(1, expected) / FULL)));
    this.#keys = new Uint32Array(this.#capacity * KEY_WORDS);
    this.#packs = new Uint32Array(this.#capacity);
    this.#places = new Uint32Array(this.#capacity);
    this.#used = new Uint8Array(this.#capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** `digest` from `at` on: its first 16 bytes tell. */
  get(digest: Buffer, at: number): Place | undefined {
    const slot = this.#slot(digest, at);
    if (this.#used[slot] === FREE) return undefined;
    return { pack: this.#packs[slot]!, place: this.#places[slot]! };
  }

  /** Adds the entry, or puts it in place of the one there. */
  set(digest: Buffer, at: number, pack: number, place: number): void {
    if (this.#size >= this.#capacity * FULL) this.#grow();
    const slot = this.#slot(digest, at);
    if (this.#used[slot] === FREE) {
      this.#used[slot] = 1;
      this.#size += 1;
      for (let word = 0; word < KEY_WORDS; word += 1)
        this.#keys[slot * KEY_WORDS + word] = digest.readUInt32LE(at + word * 4);
    }
    this.#packs[slot] = pack;
    this.#places[slot] = place;
  }

  /** In no order. `digest` is the first 16 bytes, and changes with the next call. */
  forEach(visit: (digest: Buffer, place: Place) => void): void {
    const digest = Buffer.alloc(KEY_WORDS * 4);
    for (let slot = 0; slot < this.#capacity; slot += 1) {
      if (this.#used[slot] === FREE) continue;
      for (let word = 0; word < KEY_WORDS; word += 1)
        digest.writeUInt32LE(this.#keys[slot * KEY_WORDS + word]!, word * 4);
      visit(digest, { pack: this.#packs[slot]!, place: this.#places[slot]! });
    }
  }

  /** The digest's slot, or the free one where it belongs. */
  #slot(digest: Buffer, at: number): number {
    const mask = this.#capacity - 1;
    const a = digest.readUInt32LE(at);
    const b = digest.readUInt32LE(at + 4);
    const c = digest.readUInt32LE(at + 8);
    const d = digest.readUInt32LE(at + 12);
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      if (this.#used[slot] === FREE) return slot;
      const key = slot * KEY_WORDS;
      const same =
        this.#keys[key] === a &&
        this.#keys[key + 1] === b &&
        this.#keys[key + 2] === c &&
        this.#keys[key + 3] === d;
      if (same) return slot;
    }
  }

  #grow(): void {
    const [keys, packs, places, used] = [this.#keys, this.#packs, this.#places, this.#used];
    const before = this.#capacity;
    this.#capacity *= 2;
    this.#keys = new Uint32Array(this.#capacity * KEY_WORDS);
    this.#packs = new Uint32Array(this.#capacity);
    this.#places = new Uint32Array(this.#capacity);
    this.#used = new Uint8Array(this.#capacity);
    this.#size = 0;
    const digest = Buffer.alloc(KEY_WORDS * 4);
    for (let slot = 0; slot < before; slot += 1) {
      if (used[slot] === FREE) continue;
      for (let word = 0; word < KEY_WORDS; word += 1)
        digest.writeUInt32LE(keys[slot * KEY_WORDS + word]!, word * 4);
      this.set(digest, 0, packs[slot]!, places[slot]!);
    }
  }
}
