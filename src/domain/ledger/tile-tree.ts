import type { Hash, Sha256 } from "../shared/digest.ts";
import { nodeHash, type SubtreeRoot } from "./merkle.ts";

/** Levels of the Merkle tree in one level of tiles. */
const TILE_HEIGHT = 8;

/**
 * `count` hashes of a tile level from place `start` on: the roots of the perfect subtrees over
 * 256^level leaves each.
 */
export type TileHashes = (level: number, start: number, count: number) => readonly Hash[];

/**
 * Subtree roots out of tile hashes: at most 128 hashes are read for a perfect subtree, however
 * large it is.
 */
export function subtreeRootsFrom(sha: Sha256, hashes: TileHashes): SubtreeRoot {
  const root = (start: number, end: number): Hash => {
    if (start === end) return sha();
    const count = end - start;
    const left = largestPower(count);
    if (left === count) return perfect(sha, hashes, start, count);
    return nodeHash(sha, perfect(sha, hashes, start, left), root(start + left, end));
  };
  return root;
}

/** Root of the perfect tree over the hashes, whose number is a power of two. */
export function perfectRoot(sha: Sha256, hashes: readonly Hash[]): Hash {
  let level = hashes;
  while (level.length > 1) {
    const above: Hash[] = [];
    for (let i = 0; i < level.length; i += 2) above.push(nodeHash(sha, level[i]!, level[i + 1]!));
    level = above;
  }
  return level[0]!;
}

/** `start` is a multiple of `count`, which is a power of two. */
function perfect(sha: Sha256, hashes: TileHashes, start: number, count: number): Hash {
  const level = Math.floor(Math.log2(count) / TILE_HEIGHT);
  const leaves = 2 ** (TILE_HEIGHT * level);
  return perfectRoot(sha, hashes(level, start / leaves, count / leaves));
}

function largestPower(count: number): number {
  let power = 1;
  while (power * 2 <= count) power *= 2;
  return power;
}
