import assert from "node:assert/strict";
import { upcast } from "../../../../src/domain/ledger/upcast.ts";
import type { Json } from "../../../../src/domain/shared/json.ts";

type Data = { readonly [member: string]: Json };
const versions = { Renamed: 3, Plain: 1 };
const upcasters = {
  "Renamed@1": (data: Json) => ({ name: (data as Data)["title"]! }),
  "Renamed@2": (data: Json) => ({ names: [(data as Data)["name"]!] }),
};
const at = (type: string, v: number): { index: number; type: string; v: number } => ({
  index: 9,
  type,
  v,
});

describe("upcasting", () => {
  it("leaves the present version alone", () => {
    const data = { a: 1 };
    assert.equal(upcast(at("Plain", 1), data, versions, upcasters), data);
    assert.equal(upcast(at("KeyRevoked", 1), data), data);
  });

  it("lifts old versions step by step", () => {
    assert.deepEqual(upcast(at("Renamed", 1), { title: "x" }, versions, upcasters), {
      names: ["x"],
    });
    assert.deepEqual(upcast(at("Renamed", 2), { name: "x" }, versions, upcasters), {
      names: ["x"],
    });
  });

  const unknown: readonly (readonly [what: string, type: string, v: number])[] = [
    ["a version from the future", "Plain", 2],
    ["an unknown type", "Other", 1],
    ["a name that every object has", "constructor", 1],
    ["a version without a step", "Renamed", 0],
  ];
  for (const [what, type, v] of unknown) {
    it(`stops at ${what}, naming it`, () => {
      assert.throws(() => upcast(at(type, v), {}, versions, upcasters), {
        code: "unknown-event-version",
        details: { index: 9, type, v },
      });
    });
  }
});
