import assert from "node:assert/strict";
import fc from "fast-check";
import {
  consistencyProof,
  frontierLength,
  inclusionProof,
  leafHash,
  push,
  rootOf,
  subtreeRootsOf,
  verifyConsistency,
  verifyInclusion,
} from "../../../../src/domain/ledger/merkle.ts";
import { digest } from "../../../support/digest.ts";
import { vectors } from "../../../support/vectors.ts";

const sha = digest.sha256;
const bytes = (hex: string): Uint8Array => digest.fromHex(hex);
const hexes = (hashes: readonly Uint8Array[]): string[] => hashes.map((hash) => digest.hex(hash));

describe("the Merkle tree", () => {
  for (const [name, set] of Object.entries({ A: vectors.setA, B: vectors.setB })) {
    const leaves = set.leaves_hex.map((leaf) => leafHash(sha, bytes(leaf)));

    describe(`on set ${name}`, () => {
      it("hashes the leaves", () => {
        assert.deepEqual(hexes(leaves), set.leaf_hashes);
      });

      it("has the roots of every size, by frontier and by definition", () => {
        const frontier: Uint8Array[] = [];
        for (const [size, root] of set.roots.entries()) {
          assert.equal(digest.hex(rootOf(sha, frontier)), root);
          assert.equal(digest.hex(subtreeRootsOf(sha, leaves)(0, size)), root);
          assert.equal(frontier.length, frontierLength(size));
          if (size < leaves.length) push(sha, frontier, size, leaves[size]!);
        }
      });

      it("makes and verifies every inclusion proof", () => {
        for (const { index, size, proof } of set.inclusion) {
          assert.deepEqual(hexes(inclusionProof(subtreeRootsOf(sha, leaves), index, size)), proof);
          const claim = { index, size, leaf: leaves[index]! };
          const root = bytes(set.roots[size]!);
          assert.equal(verifyInclusion(sha, claim, proof.map(bytes), root), true);
        }
      });

      it("makes and verifies every consistency proof", () => {
        for (const { old, size, proof } of set.consistency) {
          assert.deepEqual(hexes(consistencyProof(subtreeRootsOf(sha, leaves), old, size)), proof);
          const from = { size: old, root: bytes(set.roots[old]!) };
          const to = { size, root: bytes(set.roots[size]!) };
          assert.equal(verifyConsistency(sha, from, to, proof.map(bytes)), true);
        }
      });

      it("refuses an inclusion proof with any byte flipped", () => {
        const { index, size, proof } = set.inclusion.find((p) => p.index === 5 && p.size === 8)!;
        const claim = { index, size, leaf: leaves[index]! };
        const root = bytes(set.roots[size]!);
        for (const flipped of flips(proof.map(bytes))) {
          assert.equal(verifyInclusion(sha, claim, flipped, root), false);
        }
      });

      it("refuses a consistency proof with any byte flipped", () => {
        const { old, size, proof } = set.consistency.find((p) => p.old === 3 && p.size === 7)!;
        const from = { size: old, root: bytes(set.roots[old]!) };
        const to = { size, root: bytes(set.roots[size]!) };
        for (const flipped of flips(proof.map(bytes))) {
          assert.equal(verifyConsistency(sha, from, to, flipped), false);
        }
      });
    });
  }

  const leaves = vectors.setA.leaf_hashes.map(bytes);
  const root = (size: number): Uint8Array => bytes(vectors.setA.roots[size]!);
  const zero = new Uint8Array(32);

  it("refuses inclusion proofs of wrong length, place or size", () => {
    const proof = inclusionProof(subtreeRootsOf(sha, leaves), 5, 8);
    const check = (claim: object, path: readonly Uint8Array[]): boolean =>
      verifyInclusion(sha, { index: 5, size: 8, leaf: leaves[5]!, ...claim }, path, root(8));
    assert.equal(check({}, proof), true);
    for (const path of [proof.slice(1), proof.slice(0, -1), [...proof, zero], [zero, ...proof]]) {
      assert.equal(check({}, path), false);
    }
    assert.equal(check({}, [proof[0]!.slice(1), ...proof.slice(1)]), false);
    assert.equal(check({ leaf: leaves[5]!.slice(1) }, proof), false);
    for (const index of [4, 6, 8, -1, 5.5, 2 ** 53]) assert.equal(check({ index }, proof), false);
    for (const size of [5, 2 ** 53, Number.NaN]) assert.equal(check({ size }, proof), false);
  });

  it("refuses consistency proofs of wrong length, order or root", () => {
    const proof = consistencyProof(subtreeRootsOf(sha, leaves), 3, 7);
    const check = (old: number, size: number, path: readonly Uint8Array[]): boolean =>
      verifyConsistency(sha, { size: old, root: root(3) }, { size, root: root(7) }, path);
    assert.equal(check(3, 7, proof), true);
    for (const path of [[], proof.slice(1), proof.slice(0, -1), [...proof, zero]]) {
      assert.equal(check(3, 7, path), false);
    }
    for (const [old, size] of [
      [0, 7],
      [7, 3],
      [-1, 7],
      [2.5, 7],
      [3, 2 ** 53],
    ] as const) {
      assert.equal(check(old, size, proof), false);
    }
  });

  it("takes equal sizes only with equal roots and no proof", () => {
    const check = (a: Uint8Array, b: Uint8Array, path: readonly Uint8Array[]): boolean =>
      verifyConsistency(sha, { size: 4, root: a }, { size: 4, root: b }, path);
    assert.equal(check(root(4), root(4), []), true);
    assert.equal(check(root(4), root(5), []), false);
    assert.equal(check(root(4), root(4), [zero]), false);
  });

  it("proves what it holds, at any size", () => {
    const size = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), (count, a, b) => {
        const all = Array.from({ length: count }, (_, i) => leafHash(sha, digest.utf8(`${i}`)));
        const subtree = subtreeRootsOf(sha, all);
        const index = a % count;
        const old = 1 + (b % count);
        const frontier: Uint8Array[] = [];
        for (const [i, leaf] of all.entries()) push(sha, frontier, i, leaf);
        const top = rootOf(sha, frontier);
        const claim = { index, size: count, leaf: all[index]! };
        assert.ok(verifyInclusion(sha, claim, inclusionProof(subtree, index, count), top));
        const from = { size: old, root: subtree(0, old) };
        const to = { size: count, root: top };
        assert.ok(verifyConsistency(sha, from, to, consistencyProof(subtree, old, count)));
      }),
      { numRuns: 40 },
    );
  });
});

function* flips(proof: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  for (const [i, hash] of proof.entries()) {
    for (let at = 0; at < hash.length; at += 1) {
      const changed = Uint8Array.from(hash);
      changed[at]! ^= 1;
      yield proof.with(i, changed);
    }
  }
}
