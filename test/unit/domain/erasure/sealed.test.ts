import assert from "node:assert/strict";
import { openAll, type Sealed } from "../../../../src/domain/erasure/sealed.ts";
import { sealWith } from "../../../../src/infra/erasure/sealer.ts";
import { digest } from "../../../support/digest.ts";

const EVENT = "0190163d-8694-739b-aea5-966c26f8ad95";
const VALUE = { email: "ana@example.com", name: "Ana Ruiz" };
const PARTS = { iv: new Uint8Array(12).fill(9), salt: new Uint8Array(16).fill(5) };
const KEY = { kid: "subj_7f3a", key: new Uint8Array(32).fill(7) };

describe("a sealed value", () => {
  it("has the ciphertext and digest of the vector", () => {
    const { $enc } = sealWith(digest, KEY, VALUE, EVENT, PARTS);
    assert.deepEqual($enc, {
      alg: "A256GCM",
      ct: "XKfgtoSL4wTNA6JUxNCBvrrRI5ZMj5qwA8toxboZI1bxi4auh3AQMj7dxDYWQYquXimytmG2lGwnPlTRFEcvyC4u3UjLd7nlmrGcMv24ucg/lKn/hwbxiSjdQ0HCX6CGI0o=",
      iv: "CQkJCQkJCQkJCQkJ",
      kid: "subj_7f3a",
      of: EVENT,
      pt: "sha256:8623c82f4c71d917e0c75462e306cfeefdb76a05ed84c9378ccc1f67cfb30994",
    });
  });

  it("is opened wherever it is, and nothing else is touched", () => {
    const sealed: Sealed = sealWith(digest, KEY, "x", EVENT, PARTS);
    const value = { a: [1, { b: sealed }], c: null, d: { e: "f" } };
    const opened = openAll(value, () => "plain");
    assert.deepEqual(opened, { a: [1, { b: "plain" }], c: null, d: { e: "f" } });
    assert.equal(opened.d, value.d);
    assert.equal(
      openAll(value.d, () => "plain"),
      value.d,
    );
    assert.equal(
      openAll<unknown>(sealed, () => "plain"),
      "plain",
    );
  });
});
