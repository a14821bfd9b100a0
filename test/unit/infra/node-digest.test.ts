import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { digest } from "../../support/digest.ts";

const sum = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("NodeDigest", () => {
  for (const lengths of [[], [0], [5], [1, 32, 32], [16, 0, 700], [1, 65_535], [1, 65_536, 9]]) {
    it(`hashes parts of ${lengths.join(" and ") || "no"} bytes as one`, () => {
      const parts = lengths.map((length, i) => Buffer.alloc(length, 0xe0 + i));
      const expected = sum(Buffer.concat(parts));
      assert.equal(digest.hex(digest.sha256(...parts)), expected);
      assert.equal(digest.ofBytes(...parts), `sha256:${expected}`);
    });
  }

  it("gives hashes that later ones leave alone", () => {
    const first = digest.sha256(Buffer.from("a"), Buffer.from("b"));
    for (let i = 0; i < 500; i += 1) digest.sha256(Buffer.from("c"), Buffer.from(`${i}`));
    assert.equal(digest.hex(first), sum(Buffer.from("ab")));
    assert.equal(first.length, 32);
  });

  it("hashes text as its UTF-8 bytes", () => {
    assert.equal(digest.ofText("é€🙂"), `sha256:${sum(Buffer.from("é€🙂"))}`);
  });

  it("hashes a salt and a text as their bytes, however long", () => {
    const salt = Buffer.alloc(16, 0xe0);
    for (const text of ["", "é€🙂", "\u0000x".repeat(10_000), "€".repeat(30_000)]) {
      const expected = sum(Buffer.concat([salt, Buffer.from(text)]));
      assert.equal(digest.ofSaltedText(salt, text), `sha256:${expected}`);
    }
  });

  it("takes only canonical base64", () => {
    assert.deepEqual(digest.fromBase64("AQI="), Buffer.from([1, 2]));
    for (const text of ["AQI", "AQJ=", "AQI=\n", "A QI=", "_w=="]) {
      assert.equal(digest.fromBase64(text), undefined);
    }
  });
});
