import assert from "node:assert/strict";
import fc from "fast-check";
import { compareVersions } from "../../../../src/domain/migration/version-order.ts";

const sorted = (...versions: string[]): string[] => versions.toSorted(compareVersions);

describe("compareVersions", () => {
  it("orders runs of digits as numbers", () => {
    assert.deepEqual(sorted("10", "2", "1"), ["1", "2", "10"]);
    assert.deepEqual(sorted("0.10", "0.9", "0.9.1"), ["0.9", "0.9.1", "0.10"]);
    assert.deepEqual(sorted("V0010", "V0009", "V0100"), ["V0009", "V0010", "V0100"]);
  });

  it("keeps time stamps of equal width in plain string order", () => {
    const stamps = ["2024-03-13-170000", "2024-03-13_170000", "2024-03-14-000001"];
    assert.deepEqual(sorted(...stamps.toReversed()), stamps);
  });

  it("compares numbers longer than 2^53 exactly", () => {
    assert.deepEqual(sorted("9007199254740993", "9007199254740992"), [
      "9007199254740992",
      "9007199254740993",
    ]);
  });

  it("is a total order: antisymmetric, transitive, zero only for equal texts", () => {
    const version = fc.stringMatching(/^[0-9a-b._-]{1,6}$/);
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) || 0);
        assert.equal(compareVersions(a, b) === 0, a === b);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          assert.ok(compareVersions(a, c) <= 0);
      }),
      { numRuns: 2000 },
    );
  });
});
