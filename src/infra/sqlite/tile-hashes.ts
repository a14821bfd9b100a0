import {
  closeSync,
  ftruncateSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { perfectRoot } from "../../domain/ledger/tile-tree.ts";
import { TILE_WIDTH } from "../../domain/ledger/tile.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";

const HASH = 32;
/** Tiles that are worked out before the event loop turns. */
const PIECE = 8;

/** Leaf hashes from a place on, exactly `count` of them. */
export type LeafHashes = (start: number, count: number) => readonly Hash[];

/**
 * The hashes of the upper tile levels. Level 1 (one hash for 256 events) is kept in a file so that
 * no start has to read every event again, the levels above in memory. The file is a cache and not
 * synced: who uses it compares a root, and calls `forget` when that is not right.
 */
export class TileHashesFile {
  readonly #fd: number;
  readonly #digest: Digest;
  readonly #leaves: LeafHashes;
  /** Hashes at level 1, and in memory those of level 2, 3 … */
  #count = 0;
  #above: Hash[][] = [];
  #work: Promise<void> = Promise.resolve();

  constructor(file: string, digest: Digest, leaves: LeafHashes) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.#fd = openSync(file, "a+", 0o600);
    this.#digest = digest;
    this.#leaves = leaves;
  }

  /** Resolves when every full tile of `size` leaves has its hash. */
  reach(size: number): Promise<void> {
    const before = this.#work.catch(() => {
      // Whoever waited for that was told; the hashes that are missing are worked out again.
    });
    this.#work = before.then(() => this.#fill(Math.floor(size / TILE_WIDTH)));
    return this.#work;
  }

  /** `count` hashes of a level from 1 on; they must have been reached. */
  at(level: number, start: number, count: number): readonly Hash[] {
    if (level > 1) return this.#above[level - 2]!.slice(start, start + count);
    return this.#read(start, count);
  }

  /** Drops everything, to be worked out again from the leaves. */
  forget(): void {
    ftruncateSync(this.#fd, 0);
    this.#count = 0;
    this.#above = [];
  }

  async close(): Promise<void> {
    await this.#work.catch(() => {
      // Told already, as above.
    });
    closeSync(this.#fd);
  }

  async #fill(count: number): Promise<void> {
    const stored = Math.min(count, Math.floor(fstatSync(this.#fd).size / HASH));
    for (let piece = 1; this.#count < count; piece += 1) {
      if (this.#count >= stored) this.#append();
      this.#count += 1;
      this.#rise();
      if (piece % PIECE === 0) await turn();
    }
  }

  #append(): void {
    const leaves = this.#leaves(this.#count * TILE_WIDTH, TILE_WIDTH);
    const hash = perfectRoot(this.#digest.sha256, leaves);
    // A torn tail of an earlier process, should there be one.
    ftruncateSync(this.#fd, this.#count * HASH);
    writeSync(this.#fd, hash);
  }

  /** A full tile of one level is a hash of the next. */
  #rise(): void {
    let full = this.#count;
    for (let level = 2; full % TILE_WIDTH === 0; level += 1) {
      const above = (this.#above[level - 2] ??= []);
      const start = full - TILE_WIDTH;
      above.push(perfectRoot(this.#digest.sha256, this.at(level - 1, start, TILE_WIDTH)));
      full = above.length;
    }
  }

  #read(start: number, count: number): Hash[] {
    const bytes = Buffer.allocUnsafeSlow(count * HASH);
    const read = readSync(this.#fd, bytes, 0, bytes.length, start * HASH);
    if (read !== bytes.length) throw new Error("The file of tile hashes was cut off");
    return Array.from({ length: count }, (_, i) => bytes.subarray(i * HASH, (i + 1) * HASH));
  }
}
