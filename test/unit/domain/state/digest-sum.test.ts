import assert from "node:assert/strict";
import fc from "fast-check";
import { DigestSum } from "../../../../src/domain/state/digest-sum.ts";
import { digest } from "../../../support/digest.ts";

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const numberOf = (sum: DigestSum): bigint => BigInt(`0x${sum.hex(digest)}`);
const sumOf = (hashes: readonly Uint8Array[]): DigestSum => {
  const sum = new DigestSum();
  for (const one of hashes) sum.add(one);
  return sum;
};

describe("the sum of digests", () => {
  it("is that of the numbers, modulo 2^256", () => {
    fc.assert(
      fc.property(fc.array(hash, { maxLength: 9 }), (hashes) => {
        const expected = hashes.reduce((sum, one) => sum + BigInt(`0x${digest.hex(one)}`), 0n);
        assert.equal(numberOf(sumOf(hashes)), BigInt.asUintN(256, expected));
      }),
    );
    const ones = new Uint8Array(32).fill(255);
    assert.equal(numberOf(sumOf([ones, ones])), BigInt.asUintN(256, -2n));
  });

  it("gives back what was there when something is taken out, also past zero", () => {
    fc.assert(
      fc.property(fc.array(hash), hash, (hashes, one) => {
        const sum = sumOf(hashes);
        sum.subtract(one);
        sum.add(one);
        assert.equal(numberOf(sum), numberOf(sumOf(hashes)));
      }),
    );
  });

  it("comes through its hex form, and adds up", () => {
    fc.assert(
      fc.property(fc.array(hash), fc.array(hash), (some, others) => {
        const read = DigestSum.fromHex(digest, sumOf(some).hex(digest));
        assert.equal(numberOf(read.plus(sumOf(others))), numberOf(sumOf([...others, ...some])));
      }),
    );
  });
});
