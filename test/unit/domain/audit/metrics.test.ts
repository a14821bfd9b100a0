import assert from "node:assert/strict";
import { Durations } from "../../../../src/domain/audit/durations.ts";
import { EventScan } from "../../../../src/domain/audit/event-scan.ts";
import { readMetrics } from "../../../../src/domain/audit/metrics.ts";
import { resolvePeriod } from "../../../../src/domain/audit/period.ts";
import type { DomainEvent, RecordedEvent } from "../../../../src/domain/events.ts";
import type { EventQuery } from "../../../../src/domain/ledger/ledger.ts";
import {
  event,
  facts,
  migration,
  recorded,
  registered,
  runRequested,
  stepStarted,
} from "../../../support/history.ts";

/** A ledger that answers queries by looking at every event. */
const ledgerOf = (events: readonly RecordedEvent[]) => ({
  read: (query: EventQuery): Promise<readonly RecordedEvent[]> => {
    const { types, from = "", to = "9", order, limit } = query;
    const after = query.after ?? (order === "asc" ? -1 : Infinity);
    const found = events.filter(
      ({ type, time, index }) =>
        (types === undefined || types.includes(type)) &&
        time >= from &&
        time <= to &&
        (order === "asc" ? index > after : index < after),
    );
    return Promise.resolve((order === "asc" ? found : found.toReversed()).slice(0, limit));
  },
});

const measure = async (events: readonly DomainEvent[], to?: string) => {
  const ledger = ledgerOf(recorded(events));
  const period = await resolvePeriod(ledger, to === undefined ? {} : { to });
  return readMetrics(new EventScan(ledger, () => Promise.resolve()), period, undefined);
};

const ran = (durationMs: number, rehearsedMs: number): DomainEvent[] => [
  ...registered,
  migration("1"),
  runRequested("r", ["1"]),
  event("RehearsalCompleted", {
    runId: "r",
    backupId: "b",
    outcome: "passed",
    durationMs: rehearsedMs,
    steps: [
      {
        version: "1",
        direction: "up",
        fingerprintAfter: "sha256:after-1",
        durationMs: rehearsedMs,
        rows: [],
        findings: [],
      },
    ],
  }),
  stepStarted("r", "1"),
  event("StepApplied", {
    runId: "r",
    attempt: "r-1-up",
    version: "1",
    direction: "up",
    ...facts("sha256:empty", "sha256:after-1"),
    durationMs,
    rows: [
      { table: "a", before: 3, after: 10 },
      { table: "b", before: 5, after: null },
    ],
  }),
  event("RunCompleted", {
    runId: "r",
    fingerprint: "sha256:after-1",
    durationMs: 100,
    versions: ["1"],
  }),
];

describe("metrics of a period", () => {
  it("counts runs, steps, rows and times, in all and divided", async () => {
    const { total, byDatabase, byDay, byMigration } = await measure(ran(40, 30));
    assert.deepEqual(total.runs, {
      requested: 1,
      succeeded: 1,
      failed: 0,
      cancelled: 0,
      rejected: 0,
    });
    assert.deepEqual(total.rows, { added: 7, removed: 5 });
    assert.deepEqual(total.durationsMs.steps, { count: 1, p50: 40, p95: 40, max: 40 });
    assert.deepEqual(total.durationsMs.backups, { count: 0, p50: null, p95: null, max: null });
    const { databaseId: _id, ...one } = byDatabase[0]!;
    assert.deepEqual(one, total);
    assert.equal(byDay[0]!.day, "2026-01-02");
    assert.equal(byMigration[0]!.committed, 1);
    assert.deepEqual(byMigration[0]!.rehearsalsMs.max, 30);
  });

  it("counts runs that were rejected", async () => {
    const events = [
      ...registered,
      migration("1"),
      runRequested("r", ["1"]),
      event("RunRejected", { runId: "r", reason: "not now" }),
    ];
    assert.equal((await measure(events)).total.runs.rejected, 1);
  });

  it("finds a step that was much slower than its rehearsal, and no other", async () => {
    const slow = await measure(ran(5000, 1000));
    assert.deepEqual(
      slow.findings.map(({ code, version, eventIndex }) => [code, version, eventIndex]),
      [["slower-than-rehearsal", "1", 6]],
    );
    assert.deepEqual((await measure(ran(900, 10))).findings, []);
    assert.deepEqual((await measure(ran(5000, 3000))).findings, []);
  });

  it("ends with the period", async () => {
    const { total, period } = await measure(ran(40, 30), "2026-01-02T03:04:05.000Z");
    assert.equal(period.last, 5);
    assert.deepEqual([total.runs.requested, total.runs.succeeded, total.steps.applied], [1, 0, 0]);
  });
});

describe("a period", () => {
  const ledger = ledgerOf(recorded(ran(1, 1)));

  it("meets the one before it without gap or overlap", async () => {
    const first = await resolvePeriod(ledger, { to: "2026-01-02T03:04:03.999Z" });
    const second = await resolvePeriod(ledger, { from: "2026-01-02T03:04:04.000Z" });
    assert.deepEqual([first.first, first.last], [0, 3]);
    assert.deepEqual([second.first, second.last], [4, 7]);
  });

  it("can be empty, but neither reversed nor before the ledger", async () => {
    const later = "2027-01-01T00:00:00.000Z";
    const { first, last, from, to } = await resolvePeriod(ledger, { from: later });
    assert.deepEqual([first, last, from, to], [8, 7, later, later]);
    await assert.rejects(
      resolvePeriod(ledger, { from: "2027-01-01T00:00:00Z", to: "2026-01-01T00:00:00Z" }),
      { code: "period-reversed" },
    );
    await assert.rejects(resolvePeriod(ledger, { to: "2020-01-01T00:00:00Z" }), {
      code: "before-ledger",
    });
  });
});

describe("percentiles", () => {
  it("are those of the nearest rank", () => {
    const durations = new Durations();
    for (let ms = 100; ms >= 1; ms -= 1) durations.add(ms);
    assert.deepEqual(durations.summary(), { count: 100, p50: 50, p95: 95, max: 100 });
  });
});
