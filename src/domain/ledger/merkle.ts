import type { Digest, Hash, Sha256 } from "../shared/digest.ts";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Hash of one entry of the log (RFC 6962 §2.1). */
export const leafHash = (sha: Sha256, entry: Uint8Array): Hash => sha(LEAF, entry);

/** The bytes of an entry that is text, and its `leafHash`. */
export const textLeaf = (
  digest: Digest,
  entry: string,
): { readonly bytes: Uint8Array; readonly hash: Hash } => digest.prefixedText(LEAF, entry);

/** Hash over two subtrees, left one first. */
export const nodeHash = (sha: Sha256, left: Hash, right: Hash): Hash => sha(NODE, left, right);

/**
 * Adds one leaf to a frontier in place. The frontier holds the roots of the perfect subtrees,
 * largest first, one per 1-bit of `size`, which is the size before the push.
 */
export function push(sha: Sha256, frontier: Hash[], size: number, leaf: Hash): void {
  let hash = leaf;
  for (let s = size; odd(s); s = half(s)) hash = nodeHash(sha, frontier.pop()!, hash);
  frontier.push(hash);
}

/** The root over a frontier; of nothing, SHA-256 of nothing. */
export function rootOf(sha: Sha256, frontier: readonly Hash[]): Hash {
  let root = frontier.at(-1);
  if (root === undefined) return sha();
  for (let i = frontier.length - 2; i >= 0; i -= 1) root = nodeHash(sha, frontier[i]!, root);
  return root;
}

/** Number of subtrees in the frontier of a tree of `size` leaves. */
export function frontierLength(size: number): number {
  let count = 0;
  for (let s = size; s > 0; s = half(s)) if (odd(s)) count += 1;
  return count;
}

/** Root of the subtree over the leaves `start` (inclusive) to `end` (exclusive). */
export type SubtreeRoot = (start: number, end: number) => Hash;

/** Subtree roots worked out from the leaf hashes alone, by the definition (MTH). */
export function subtreeRootsOf(sha: Sha256, leaves: readonly Hash[]): SubtreeRoot {
  const root = (start: number, end: number): Hash => {
    if (end === start) return sha();
    if (end - start === 1) return leaves[start]!;
    const middle = start + split(end - start);
    return nodeHash(sha, root(start, middle), root(middle, end));
  };
  return root;
}

/** PATH(index, D[size]) of RFC 9162 2.1.3.1: the leaf's sibling first. */
export function inclusionProof(root: SubtreeRoot, index: number, size: number): Hash[] {
  if (!(index >= 0 && index < size)) throw new RangeError("The index is not below the size");
  const path = (at: number, start: number, end: number): Hash[] => {
    if (end - start === 1) return [];
    const middle = start + split(end - start);
    return at < middle
      ? [...path(at, start, middle), root(middle, end)]
      : [...path(at, middle, end), root(start, middle)];
  };
  return path(index, 0, size);
}

/** PROOF(first, D[second]) of RFC 9162 2.1.4.1, for 1 ≤ first ≤ second. */
export function consistencyProof(root: SubtreeRoot, first: number, second: number): Hash[] {
  if (!(first >= 1 && first <= second)) throw new RangeError("The sizes are not in order");
  const prove = (start: number, end: number, whole: boolean): Hash[] => {
    if (first === end) return whole ? [] : [root(start, end)];
    const middle = start + split(end - start);
    return first <= middle
      ? [...prove(start, middle, whole), root(middle, end)]
      : [...prove(middle, end, false), root(start, middle)];
  };
  return prove(0, second, true);
}

/** RFC 9162 2.1.3.2. False for every malformed input. */
export function verifyInclusion(
  sha: Sha256,
  claim: { readonly index: number; readonly size: number; readonly leaf: Hash },
  proof: readonly Hash[],
  root: Hash,
): boolean {
  const { index, size, leaf } = claim;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size)) return false;
  if (index < 0 || index >= size || leaf.length !== 32 || !allHashes(proof)) return false;
  const path = new Path(index, size - 1);
  let hash = leaf;
  for (const sibling of proof) {
    if (path.done) return false; // the proof is too long
    hash = path.step() ? nodeHash(sha, sibling, hash) : nodeHash(sha, hash, sibling);
  }
  return path.done && same(hash, root); // not done: the proof is too short
}

/**
 * RFC 9162 2.1.4.2. Strict: a proof from size 0 is refused (callers treat "nothing before"
 * themselves) and equal sizes need an empty proof and equal roots.
 */
export function verifyConsistency(
  sha: Sha256,
  from: { readonly size: number; readonly root: Hash },
  to: { readonly size: number; readonly root: Hash },
  proof: readonly Hash[],
): boolean {
  if (!Number.isSafeInteger(from.size) || !Number.isSafeInteger(to.size)) return false;
  if (from.size < 1 || to.size < from.size || !allHashes(proof)) return false;
  if (from.size === to.size) return proof.length === 0 && same(from.root, to.root);
  const [start, ...rest] = isPowerOfTwo(from.size) ? [from.root, ...proof] : proof;
  if (start === undefined) return false;
  const path = new Path(from.size - 1, to.size - 1);
  path.skipRightEdges();
  let before = start;
  let after = start;
  for (const sibling of rest) {
    if (path.done) return false;
    if (path.step()) {
      before = nodeHash(sha, sibling, before);
      after = nodeHash(sha, sibling, after);
    } else after = nodeHash(sha, after, sibling);
  }
  return path.done && same(before, from.root) && same(after, to.root);
}

/** The way from a node to the root: `node` and `last` are the places within the present level. */
class Path {
  #node: number;
  #last: number;

  constructor(node: number, last: number) {
    this.#node = node;
    this.#last = last;
  }

  get done(): boolean {
    return this.#last === 0;
  }

  /** Goes up past one sibling; true when that sibling is on the left. */
  step(): boolean {
    const left = odd(this.#node) || this.#node === this.#last;
    if (left) while (!odd(this.#node) && this.#node !== 0) this.#up();
    this.#up();
    return left;
  }

  skipRightEdges(): void {
    while (odd(this.#node)) this.#up();
  }

  #up(): void {
    this.#node = half(this.#node);
    this.#last = half(this.#last);
  }
}

const half = (x: number): number => Math.floor(x / 2);
const odd = (x: number): boolean => x % 2 === 1;

/** Largest power of two strictly below `count`, for count ≥ 2. */
function split(count: number): number {
  let k = 1;
  while (k * 2 < count) k *= 2;
  return k;
}

function isPowerOfTwo(size: number): boolean {
  let s = size;
  while (!odd(s)) s = half(s);
  return s === 1;
}

const allHashes = (proof: readonly Hash[]): boolean => proof.every((hash) => hash.length === 32);

/** Whether two byte strings are equal. Not constant-time: nothing compared here is secret. */
export const same = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
