import { entryBundle } from "../../../domain/ledger/entry-bundle.ts";
import {
  consistencyProof,
  inclusionProof,
  rootOf,
  same,
  frontierLength,
  type SubtreeRoot,
} from "../../../domain/ledger/merkle.ts";
import { subtreeRootsFrom } from "../../../domain/ledger/tile-tree.ts";
import { hasTile, TILE_WIDTH, type TileId } from "../../../domain/ledger/tile.ts";
import type { StoredEntry, TransparencyLog } from "../../../domain/ledger/transparency-log.ts";
import type { Digest, Hash } from "../../../domain/shared/digest.ts";
import { InvalidInput } from "../../../domain/shared/errors.ts";
import { damaged, splitHashes } from "../../ledger/ledger-head.ts";
import { TileHashes, type TileCache } from "../../ledger/tile-hashes.ts";
import type { LedgerReader } from "./reader.ts";

/** Milliseconds between two looks for full tiles, so that a proof never waits for many. */
const FOLLOW_EVERY = 2000;

/** The transparency log over a ledger in PostgreSQL. */
export class PostgresTransparencyLog implements TransparencyLog {
  readonly #reader: LedgerReader;
  readonly #digest: Digest;
  readonly #hashes: TileHashes;
  /** The size up to which the kept tile hashes are known to be right. */
  #checked = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `cache`: where tile hashes are kept; made when missing, and anew when it is wrong. */
  constructor(reader: LedgerReader, digest: Digest, cache: TileCache) {
    this.#reader = reader;
    this.#digest = digest;
    this.#hashes = new TileHashes(cache, digest, (start, count) => this.#level0(start, count));
  }

  /** Works out tile hashes as the ledger grows. */
  follow(onError: (error: unknown) => void): void {
    this.#timer = setInterval(() => {
      this.#head()
        .then(({ size }) => this.#reach(size))
        .catch(onError);
    }, FOLLOW_EVERY).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#hashes.close();
  }

  async tile(id: TileId): Promise<Uint8Array | undefined> {
    const { size } = await this.#head();
    if (!hasTile(id, size)) return undefined;
    const start = id.index * TILE_WIDTH;
    if (id.level === "entries") return entryBundle(await this.#leaves(start, id.width));
    if (id.level === 0) return Buffer.concat(await this.#level0(start, id.width));
    await this.#reach(size);
    return Buffer.concat(this.#hashes.at(id.level, start, id.width));
  }

  async entries(from: number, limit: number): Promise<readonly StoredEntry[]> {
    return this.#reader.entries(from, limit);
  }

  async rootAt(size: number): Promise<Hash> {
    return this.#proved(size, (root) => root(0, size));
  }

  async inclusionProof(index: number, size: number): Promise<readonly Hash[]> {
    return this.#proved(size, (root) => inclusionProof(root, index, size));
  }

  async consistencyProof(first: number, second: number): Promise<readonly Hash[]> {
    return this.#proved(second, (root) => consistencyProof(root, first, second));
  }

  async #proved<T>(size: number, prove: (root: SubtreeRoot) => T): Promise<T> {
    const { size: known } = await this.#head();
    if (size > known)
      throw new InvalidInput("size-beyond-log", `The log has ${known} entries, not ${size}`, {
        hint: "Take the size of a checkpoint that this ledger signed",
      });
    await this.#reach(known);
    return this.#worked(prove);
  }

  /** Proofs are worked out in one go: what they lack is fetched, and they begin again. */
  async #worked<T>(prove: (root: SubtreeRoot) => T): Promise<T> {
    const fetched = new Map<string, readonly Hash[]>();
    const root = subtreeRootsFrom(this.#digest.sha256, (level, start, count) => {
      if (level > 0) return this.#hashes.at(level, start, count);
      const hashes = fetched.get(`${start}+${count}`);
      if (hashes === undefined) throw new Missing(start, count);
      return hashes;
    });
    for (;;) {
      try {
        return prove(root);
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        const { start, count } = error;
        fetched.set(`${start}+${count}`, await this.#level0(start, count));
      }
    }
  }

  /** Full tiles have their hashes, and what was kept of them gives the root that the head has. */
  async #reach(size: number): Promise<void> {
    if (size - (size % TILE_WIDTH) <= this.#checked) return;
    await this.#hashes.reach(size);
    if (await this.#fits(size)) return;
    this.#hashes.forget();
    await this.#hashes.reach(size);
    if (!(await this.#fits(size))) throw damaged("its tree is not that of the events");
  }

  /** Over the leaves that full tiles hold. What the head says of more is left to the next time. */
  async #fits(reached: number): Promise<boolean> {
    const { size, frontier } = await this.#head();
    const full = size - (size % TILE_WIDTH);
    if (full > reached) return true;
    const hashes = splitHashes(frontier).slice(0, frontierLength(full));
    const root = await this.#worked((subtree) => subtree(0, full));
    const fits = same(rootOf(this.#digest.sha256, hashes), root);
    if (fits) this.#checked = full;
    return fits;
  }

  async #head(): Promise<{ readonly size: number; readonly frontier: Uint8Array }> {
    const head = await this.#reader.head();
    if (head === undefined) throw damaged("it is gone");
    return head;
  }

  async #level0(start: number, count: number): Promise<readonly Hash[]> {
    return exactly(count, await this.#reader.leafHashes(start, start + count));
  }

  async #leaves(start: number, count: number): Promise<readonly Uint8Array[]> {
    return exactly(count, await this.#reader.leaves(start, start + count));
  }
}

/** Leaf hashes that a proof needs and that were not fetched yet. */
class Missing extends Error {
  readonly start: number;
  readonly count: number;

  constructor(start: number, count: number) {
    super("not fetched");
    this.start = start;
    this.count = count;
  }
}

function exactly<T>(count: number, found: readonly T[]): readonly T[] {
  if (found.length !== count) throw damaged("events are missing");
  return found;
}
