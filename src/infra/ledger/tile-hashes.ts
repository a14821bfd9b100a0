import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
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
export type LeafHashes = (
  start: number,
  count: number,
) => readonly Hash[] | Promise<readonly Hash[]>;

/** Where the hashes are kept; a reader beside the service only takes what is there. */
export interface TileCache {
  readonly file: string;
  readonly readOnly: boolean;
}

/**
 * The hashes of the upper tile levels, in memory: 32 bytes for 256 events. Those of level 1 are in
 * a file, too, so that no start has to read every event again. The file is a cache and not synced:
 * who uses it compares a root, and calls `forget` when that is not right.
 */
export class TileHashes {
  readonly #digest: Digest;
  readonly #leaves: LeafHashes;
  readonly #fd: number | undefined;
  /** A file that another process or thread goes on writing. */
  #shared: string | undefined;
  /** What the file had, until it is used. */
  #stored: Buffer;
  /** By level, from 1. */
  readonly #levels: Hash[][] = [];
  #work: Promise<void> = Promise.resolve();

  constructor(cache: TileCache, digest: Digest, leaves: LeafHashes) {
    this.#digest = digest;
    this.#leaves = leaves;
    const { file, readOnly } = cache;
    this.#stored = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    if (readOnly) {
      this.#shared = file;
      return;
    }
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.#fd = openSync(file, existsSync(file) ? "r+" : "w+", 0o600);
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
    return this.#level(level).slice(start, start + count);
  }

  /** Drops everything, to be worked out again from the leaves. */
  forget(): void {
    if (this.#fd !== undefined) ftruncateSync(this.#fd, 0);
    this.#stored = Buffer.alloc(0);
    // What was wrong once is not asked again.
    this.#shared = undefined;
    this.#levels.length = 0;
  }

  async close(): Promise<void> {
    await this.#work.catch(() => {
      // Told already, as above.
    });
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  async #fill(count: number): Promise<void> {
    if (this.#level(1).length < count) this.#readAgain();
    for (let piece = 1; this.#level(1).length < count; piece += 1) {
      const at = this.#level(1).length;
      this.#push(1, this.#storedAt(at) ?? (await this.#workOut(at)));
      if (piece % PIECE === 0) await turn();
    }
  }

  #readAgain(): void {
    const file = this.#shared;
    if (file !== undefined && existsSync(file)) this.#stored = readFileSync(file);
  }

  #storedAt(at: number): Hash | undefined {
    const end = (at + 1) * HASH;
    return end <= this.#stored.length ? this.#stored.subarray(end - HASH, end) : undefined;
  }

  async #workOut(at: number): Promise<Hash> {
    const leaves = await this.#leaves(at * TILE_WIDTH, TILE_WIDTH);
    const hash = perfectRoot(this.#digest.sha256, leaves);
    if (this.#fd !== undefined) writeSync(this.#fd, hash, 0, HASH, at * HASH);
    return hash;
  }

  /** A full tile of one level is a hash of the next. */
  #push(level: number, hash: Hash): void {
    const hashes = this.#level(level);
    hashes.push(hash);
    if (hashes.length % TILE_WIDTH > 0) return;
    this.#push(level + 1, perfectRoot(this.#digest.sha256, hashes.slice(-TILE_WIDTH)));
  }

  #level(level: number): Hash[] {
    return (this.#levels[level - 1] ??= []);
  }
}
