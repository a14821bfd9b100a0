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

  it("hashes a text behind a salt or a prefix, and gives its bytes, however long", () => {
    const salt = Buffer.alloc(16, 0xe0);
    const texts = ["", "é€🙂", "\u0000x".repeat(10_000), "€".repeat(30_000), "after"];
    const given = texts.map((text) => ({
      salted: digest.saltedText(salt, text),
      prefixed: digest.prefixedText(salt, text),
    }));
    for (const [i, text] of texts.entries()) {
      const bytes = Buffer.from(text);
      const expected = sum(Buffer.concat([salt, bytes]));
      const { salted, prefixed } = given[i]!;
      assert.deepEqual(salted, { bytes, digest: `sha256:${expected}` });
      assert.deepEqual(prefixed, { bytes, hash: Buffer.from(expected, "hex") });
    }
  });

  it("gives bytes that later ones leave alone", () => {
    const given = Array.from({ length: 3000 }, (_, i) =>
      digest.prefixedText(Buffer.of(0), `text ${i} ${"x".repeat(i % 100)}`),
    );
    for (const [i, { bytes }] of given.entries()) {
      assert.equal(digest.text(bytes), `text ${i} ${"x".repeat(i % 100)}`);
    }
  });

  it("takes only canonical base64", () => {
    assert.deepEqual(digest.fromBase64("AQI="), Buffer.from([1, 2]));
    for (const text of ["AQI", "AQJ=", "AQI=\n", "A QI=", "_w=="]) {
      assert.equal(digest.fromBase64(text), undefined);
    }
  });
});
