import assert from "node:assert/strict";
import fc from "fast-check";
import { entityText, fromText } from "../../../../src/domain/state/entity-text.ts";

describe("the text of an entity", () => {
  it("is read as what was written, Maps, Sets and strange members included", () => {
    const key = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("$map", "$set", "$$map", "$", "1", "constructor"),
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.constantFrom(null, true, false, 0, -1.5, 1e21, ""),
        fc.string({ unit: "grapheme" }),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(key, tie("value"), { maxKeys: 5 }),
        fc.array(fc.tuple(key, tie("value")), { maxLength: 4 }).map((entries) => new Map(entries)),
        fc.uniqueArray(key, { maxLength: 4 }).map((entries) => new Set(entries)),
      ),
    }));
    fc.assert(
      fc.property(value, (one) => {
        assert.deepEqual(normal(fromText(entityText(one))), normal(one));
      }),
    );
  });

  it("does not depend on the order of members, and leaves absent ones out", () => {
    const text = '{"a":1,"b":{"c":[2],"d":"x"}}';
    assert.equal(entityText({ b: { d: "x", c: [2] }, a: 1 }), text);
    assert.equal(entityText({ gone: undefined, a: 1, b: { c: [2], d: "x" } }), text);
    assert.equal(entityText(fromText(text)), text);
  });

  it("keeps a member called __proto__ as what it is", () => {
    const rows = JSON.parse('{"__proto__": 3, "t": 1}') as object;
    assert.equal(entityText(fromText(entityText({ rows }))), '{"rows":{"__proto__":3,"t":1}}');
  });

  it("tells shapes apart that begin and end alike", () => {
    assert.equal(entityText({ id: 1, b: 2, x: 3, z: 4 }), '{"b":2,"id":1,"x":3,"z":4}');
    assert.equal(entityText({ id: 1, b: 2, y: 3, z: 4 }), '{"b":2,"id":1,"y":3,"z":4}');
    assert.equal(entityText({ id: 1, b: 2, x: 3, z: 4 }), '{"b":2,"id":1,"x":3,"z":4}');
  });
});

/** Objects without prototype are objects here. */
const normal = (value: unknown): unknown => {
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [key, normal(one)]));
  if (value instanceof Set) return value;
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, normal(one)]));
};
