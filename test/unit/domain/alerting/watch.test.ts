import assert from "node:assert/strict";
import { retryAfter, RETRY_PACE } from "../../../../src/domain/alerting/retry.ts";
import { onceKey, overdue } from "../../../../src/domain/alerting/watch.ts";
import { DEFAULT_POLICY } from "../../../../src/domain/database/events.ts";
import { event, given, migration, registered, runRequested } from "../../../support/history.ts";

const HOUR = 3_600_000;
const REGISTERED = Date.parse("2026-01-02T03:04:00.000Z");

describe("what did not happen in time", () => {
  const policy = event("PolicyChanged", { policy: { ...DEFAULT_POLICY, backupAlertHours: 24 } });
  const codes = (state: ReturnType<typeof given>, now: number, since?: string): string[] =>
    overdue(state, now, since).map(({ alert }) => alert.code);

  it("is nothing where no policy asks for it", () => {
    assert.deepEqual(codes(given(...registered), REGISTERED + 1000 * HOUR), []);
  });

  it("is a database without a backup, and one whose newest is too old", () => {
    const state = given(...registered, policy);
    assert.deepEqual(codes(state, REGISTERED + 23 * HOUR), []);
    assert.deepEqual(codes(state, REGISTERED + 25 * HOUR), ["backup-too-old"]);
  });

  it("is a copy outside the ledger that lags behind for an hour", () => {
    const since = new Date(REGISTERED).toISOString();
    const state = given(...registered);
    assert.deepEqual(codes(state, REGISTERED + HOUR - 1, since), []);
    assert.deepEqual(codes(state, REGISTERED + HOUR, since), ["ledger-not-anchored"]);
  });

  it("is told once for each day that it lasts", () => {
    const state = given(...registered, policy);
    const key = (hours: number): string => {
      const now = REGISTERED + hours * HOUR;
      return onceKey(overdue(state, now, undefined)[0]!, now);
    };
    assert.equal(key(25), key(47));
    assert.notEqual(key(47), key(49));
  });

  it("is an emergency that nobody reviewed", () => {
    const requested = runRequested("r", ["1"]);
    const emergency = {
      ...requested,
      data: { ...requested.data, emergency: true, reviewBy: "2026-01-05T00:00:00.000Z" },
    } as typeof requested;
    const state = given(...registered, migration("1"), emergency);
    assert.deepEqual(codes(state, Date.parse("2026-01-04T00:00:00.000Z")), []);
    assert.deepEqual(codes(state, Date.parse("2026-01-05T00:00:00.000Z")), [
      "emergency-review-overdue",
    ]);
  });
});

describe("the pace of retries", () => {
  it("grows from seconds to an hour, a quarter more or less", () => {
    const waits = [1, 2, 3, 4, 5, 6, 7].map((attempt) => retryAfter(RETRY_PACE, attempt, 0.5));
    assert.deepEqual(waits, [2_000, 8_000, 32_000, 128_000, 512_000, 2_048_000, 3_600_000]);
    assert.deepEqual([retryAfter(RETRY_PACE, 1, 0), retryAfter(RETRY_PACE, 1, 1)], [1_500, 2_500]);
    assert.equal(retryAfter(RETRY_PACE, 1000, 1), RETRY_PACE.mostMs);
  });

  it("waits as long as the receiver asks for, within reason", () => {
    assert.equal(retryAfter(RETRY_PACE, 1, 0.5, 60_000), 60_000);
    assert.equal(retryAfter(RETRY_PACE, 1, 0.5, 1e12), RETRY_PACE.mostMs);
  });
});
