import assert from "node:assert/strict";
import { Readiness, type ReadinessParts } from "../../../src/api/monitoring/readiness.ts";
import type { DomainEvent } from "../../../src/domain/events.ts";
import { event, given, registered } from "../../support/history.ts";

const NOW = "2026-01-02T04:00:00.000Z";

/** What is not ok, by name. */
async function looked(
  history: readonly DomainEvent[],
  more: Partial<ReadinessParts> = {},
): Promise<[status: string, troubles: Record<string, string>]> {
  const state = given(...registered, ...history);
  const parts = {
    projection: { state },
    ledger: {
      head: () => Promise.resolve({}),
      newestCheckpoint: () => ({ size: state.size }),
    },
    clock: { now: () => NOW },
    stopping: new AbortController().signal,
    freeBytes: () => Promise.resolve(1e12),
    unanchored: () => undefined,
    reachStore: () => Promise.resolve(),
    executor: { isBroken: () => false },
    scheduler: { isTroubled: false },
    ...more,
  } as unknown as ReadinessParts;
  const { status, checks } = await new Readiness(parts).look();
  for (const check of Object.values(checks))
    assert.equal(check.hint === undefined, check.status === "ok");
  const troubles = Object.entries(checks).filter(([, check]) => check.status !== "ok");
  return [status, Object.fromEntries(troubles.map(([name, check]) => [name, check.status]))];
}

describe("readiness", () => {
  it("is ok while there is nothing to look at", async () => {
    assert.deepEqual(await looked([]), ["ok", {}]);
  });

  it("is degraded, and says by what, while it can serve", async () => {
    const quarantined = event("DatabaseQuarantined", { code: "step-unknown", reason: "?" });
    assert.deepEqual(await looked([quarantined]), ["degraded", { databases: "degraded" }]);
    const drift = event("DriftDetected", { expected: "a", found: "b", differences: [] });
    assert.deepEqual(await looked([drift]), ["degraded", { databases: "degraded" }]);
    const space = { freeBytes: () => Promise.resolve(5e8) };
    assert.deepEqual(await looked([], space), ["degraded", { disk: "degraded" }]);
    const behind = { unanchored: () => NOW };
    assert.deepEqual(await looked([], behind), ["degraded", { anchors: "degraded" }]);
  });

  it("is degraded when it cannot record, back up, execute or keep its schedules", async () => {
    const refusing = {
      head: () => Promise.resolve({}),
      newestCheckpoint: () => ({ size: 99 }),
      failsToWrite: true,
    } as never;
    const reachStore = () => Promise.reject(new Error("/secret/path"));
    const executor = { isBroken: () => true };
    const scheduler = { isTroubled: true };
    assert.deepEqual(await looked([], { ledger: refusing, reachStore, executor, scheduler }), [
      "degraded",
      {
        recording: "degraded",
        store: "degraded",
        executors: "degraded",
        schedules: "degraded",
      },
    ]);
  });

  it("is degraded when the newest events stay unsigned for a minute", async () => {
    const state = given(...registered);
    let now = Date.parse(NOW);
    let size = state.size - 1;
    const readiness = new Readiness({
      projection: { state },
      ledger: { head: () => Promise.resolve({}), newestCheckpoint: () => ({ size }) },
      clock: { now: () => new Date(now).toISOString() },
      stopping: new AbortController().signal,
      freeBytes: () => Promise.resolve(1e12),
      unanchored: () => undefined,
      reachStore: () => Promise.resolve(),
      executor: { isBroken: () => false },
      scheduler: { isTroubled: false },
    } as unknown as ReadinessParts);
    const status = async () => (await readiness.look()).checks["checkpoints"]!.status;
    assert.equal(await status(), "ok");
    now += 61_000;
    assert.equal(await status(), "degraded");
    size = state.size;
    assert.equal(await status(), "ok");
  });

  it("is degraded when somebody was not told of an alert", async () => {
    const target = event("AlertTargetAdded", {
      targetId: "t",
      name: "ops",
      kind: "webhook",
      place: "https://hooks.example.org",
      secretId: "s",
    });
    const alert = event("AlertRaised", {
      alertId: "x",
      code: "run-failed",
      severity: "critical",
      message: "x",
      about: { kind: "run", id: "r" },
    });
    assert.deepEqual(await looked([target, alert]), ["degraded", { alerts: "degraded" }]);
    const fresh = { clock: { now: () => "2026-01-02T03:05:00.000Z" } } as never;
    assert.deepEqual(await looked([target, alert], fresh), ["ok", {}]);
  });

  it("fails when ledger, projection or disk cannot be used, or the service stops", async () => {
    const stopping = AbortSignal.abort();
    assert.deepEqual(await looked([], { stopping }), ["failed", { accepting: "failed" }]);
    const full = { freeBytes: () => Promise.resolve(1e6) };
    assert.deepEqual(await looked([], full), ["failed", { disk: "failed" }]);
    const head = () => Promise.reject(new Error("/secret/path"));
    const ledger = { head, newestCheckpoint: () => undefined } as never;
    assert.deepEqual(await looked([], { ledger }), ["failed", { ledger: "failed" }]);
    const projection = {
      get state(): never {
        throw new Error("/secret/path");
      },
    };
    assert.deepEqual(await looked([], { projection }), ["failed", { projection: "failed" }]);
  });
});
