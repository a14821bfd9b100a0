import assert from "node:assert/strict";
import { SystemClock } from "../../../src/infra/system/system-clock.ts";

describe("SystemClock", () => {
  it("writes the time as Date does, also over a second's end and when set back", () => {
    const clock = new SystemClock();
    const { now } = Date;
    const start = Date.parse("2026-12-31T23:59:58.990Z");
    try {
      for (const ms of [0, 9, 10, 999, 1009, 1010, 1011, 500, 0, -1, 86_400_000]) {
        Date.now = () => start + ms;
        assert.equal(clock.now(), new Date(start + ms).toISOString());
      }
    } finally {
      Date.now = now;
    }
  });
});
