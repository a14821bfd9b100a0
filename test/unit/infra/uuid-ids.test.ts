import assert from "node:assert/strict";
import { version } from "uuid";
import { UuidIds } from "../../../src/infra/system/uuid-ids.ts";

describe("UuidIds", () => {
  const ids = new UuidIds();

  it("makes UUIDs of version 7 that carry the time and never repeat", () => {
    const before = Date.now();
    const made = Array.from({ length: 2000 }, () => ids.uuid());
    const after = Date.now();
    assert.equal(new Set(made).size, made.length);
    for (const id of made) {
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(version(id), 7);
      const time = Number.parseInt(id.slice(0, 13).replace("-", ""), 16);
      assert.ok(time >= before && time <= after);
    }
  });

  it("makes UUIDs that grow, within a millisecond and when the clock is set back", () => {
    const made = Array.from({ length: 5000 }, () => ids.uuid());
    const { now } = Date;
    Date.now = () => now() - 60_000;
    try {
      made.push(...Array.from({ length: 10 }, () => ids.uuid()));
    } finally {
      Date.now = now;
    }
    assert.deepEqual(made, made.toSorted());
  });

  it("gives random bytes of any length, each once", () => {
    for (const count of [0, 1, 16, 1024, 1025, 16_000])
      assert.equal(ids.random(count).length, count);
    const seen = new Set(
      Array.from({ length: 1000 }, () => Buffer.from(ids.random(16)).toString("hex")),
    );
    assert.equal(seen.size, 1000);
    const kept = ids.random(16);
    const copy = Buffer.from(kept);
    for (let i = 0; i < 1000; i += 1) ids.random(16);
    assert.deepEqual(Buffer.from(kept), copy);
  });
});
