import assert from "node:assert/strict";
import fc from "fast-check";
import { jcs, NotJson } from "../../../../src/domain/ledger/jcs.ts";
import type { Json } from "../../../../src/domain/shared/json.ts";

/** RFC 8785 appendix B: the bits of a double and its text. */
const NUMBERS: readonly (readonly [bits: string, text: string])[] = [
  ["0000000000000000", "0"],
  ["8000000000000000", "0"],
  ["0000000000000001", "5e-324"],
  ["8000000000000001", "-5e-324"],
  ["7fefffffffffffff", "1.7976931348623157e+308"],
  ["ffefffffffffffff", "-1.7976931348623157e+308"],
  ["4340000000000000", "9007199254740992"],
  ["c340000000000000", "-9007199254740992"],
  ["4430000000000000", "295147905179352830000"],
  ["44b52d02c7e14af5", "9.999999999999997e+22"],
  ["44b52d02c7e14af6", "1e+23"],
  ["44b52d02c7e14af7", "1.0000000000000001e+23"],
  ["444b1ae4d6e2ef4e", "999999999999999700000"],
  ["444b1ae4d6e2ef4f", "999999999999999900000"],
  ["444b1ae4d6e2ef50", "1e+21"],
  ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
  ["3eb0c6f7a0b5ed8d", "0.000001"],
  ["41b3de4355555553", "333333333.3333332"],
  ["41b3de4355555554", "333333333.33333325"],
  ["41b3de4355555555", "333333333.3333333"],
  ["41b3de4355555556", "333333333.3333334"],
  ["41b3de4355555557", "333333333.33333343"],
  ["becbf647612f3696", "-0.0000033333333333333333"],
  ["43143ff3c1cb0959", "1424953923781206.2"],
];

describe("JCS", () => {
  for (const [bits, text] of NUMBERS) {
    it(`writes the double ${bits} as ${text}`, () => {
      assert.equal(jcs(Buffer.from(bits, "hex").readDoubleBE()), text);
    });
  }

  it("sorts members by UTF-16 code units, at every depth", () => {
    const value = {
      "\u20ac": 1,
      "\r": 2,
      "\ufb33": 3,
      "1": 4,
      "😀": 5,
      "\u0080": 6,
      ö: { b: 1, a: [] },
    };
    const text = '{"\\r":2,"1":4,"\u0080":6,"ö":{"a":[],"b":1},"\u20ac":1,"😀":5,"\ufb33":3}';
    assert.equal(jcs(value), text);
  });

  it("escapes as RFC 8785 says", () => {
    const text = '\u20ac$\u000f\nA\'B"\\\\"/\b\t\u007f\u2028';
    assert.equal(jcs(text), '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\\b\\t\u007f\u2028"');
  });

  const refused: Readonly<Record<string, unknown>> = {
    NaN: Number.NaN,
    infinity: -Infinity,
    "a lone high surrogate": "a\ud800",
    "a lone low surrogate": "\udc00a",
    "a lone surrogate in a member's name": { "\ud800": 1 },
    undefined: undefined,
    "an undefined member": { a: undefined },
    "an undefined element": [undefined],
    "a function": () => 1,
    "a bigint": 1n,
    "a symbol": Symbol("a"),
  };
  for (const [what, value] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      assert.throws(() => jcs(value as Json), NotJson);
    });
  }

  it("is read back as the same value, and is the same text again", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = jcs(value as Json);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
        assert.equal(jcs(JSON.parse(text) as Json), text);
      }),
      { numRuns: 300 },
    );
  });
});
