import assert from "node:assert/strict";
import { dueNow, nextFiring, type Due } from "../../../../src/domain/schedule/due.ts";
import type { Schedule } from "../../../../src/domain/schedule/events.ts";
import { CronerCalendar } from "../../../../src/infra/calendar/croner-calendar.ts";
import { NodeDigest } from "../../../../src/infra/signing/node-digest.ts";

const timetable = new CronerCalendar();
const digest = new NodeDigest();

const NIGHTLY: Schedule = {
  name: "nightly",
  task: "backup",
  cron: "30 2 * * *",
  timeZone: "Europe/Vienna",
  catchUp: "once",
  paused: false,
};

/** What is due at `now` of a schedule that was dealt with up to `settled`. */
const at = (settled: string, now: string, more: Partial<Schedule> = {}): Due =>
  dueNow({ id: "s", schedule: { ...NIGHTLY, ...more }, settled }, now, timetable, digest);

/** When it fires if somebody looks at every moment that it said it would be due. */
function firings(from: string, to: string, more: Partial<Schedule> = {}): string[] {
  const fired: string[] = [];
  let settled = from;
  for (let now = from; now <= to;) {
    const due = at(settled, now, more);
    if (due.kind === "due") {
      assert.deepEqual([due.late, due.missed], [false, null]);
      fired.push(due.due);
      settled = due.due;
    } else if (due.kind === "wait" && due.until !== undefined) now = due.until;
    else assert.fail(JSON.stringify(due));
  }
  return fired;
}

describe("what is due of a schedule", () => {
  it("is nothing before its time, and its time from then on", () => {
    const settled = "2026-01-10T12:00:00.000Z";
    const until = "2026-01-11T01:30:00.000Z";
    assert.deepEqual(at(settled, "2026-01-11T01:29:59.999Z"), { kind: "wait", until });
    const due = { kind: "due", due: until, late: false, missed: null };
    assert.deepEqual(at(settled, until), due);
    assert.deepEqual(at(settled, "2026-01-11T01:32:00.000Z"), due);
    assert.equal(at(until, until).kind, "wait");
  });

  it("comes once a night when an hour is skipped and when one happens twice", () => {
    // 29 March: 02:30 does not exist. 25 October: it happens twice.
    assert.deepEqual(firings("2026-03-27T12:00:00.000Z", "2026-03-30T12:00:00.000Z"), [
      "2026-03-28T01:30:00.000Z",
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
    assert.deepEqual(firings("2026-10-23T12:00:00.000Z", "2026-10-26T12:00:00.000Z"), [
      "2026-10-24T00:30:00.000Z",
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
    ]);
  });

  it("comes every hour of days of 23 and of 25 hours", () => {
    const hourly = { cron: "0 * * * *" };
    const day = (from: string, to: string): number => firings(from, to, hourly).length;
    assert.equal(day("2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"), 23);
    assert.equal(day("2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"), 25);
  });

  it("was missed while nobody looked, and the newest is late", () => {
    const due = at("2026-01-10T01:30:00.000Z", "2026-01-13T08:00:00.000Z");
    const [first, last] = ["2026-01-11T01:30:00.000Z", "2026-01-13T01:30:00.000Z"];
    assert.deepEqual(due, {
      kind: "due",
      due: last,
      late: true,
      missed: { first, last, count: 3 },
    });
  });

  it("is on time although those before it were missed", () => {
    const due = at("2026-01-10T01:30:00.000Z", "2026-01-13T01:30:01.000Z");
    const missed = {
      first: "2026-01-11T01:30:00.000Z",
      last: "2026-01-12T01:30:00.000Z",
      count: 2,
    };
    assert.deepEqual(due, { kind: "due", due: "2026-01-13T01:30:00.000Z", late: false, missed });
  });

  it("counts what a clock jumped over up to a hundred, and goes on from the newest", () => {
    const due = at("2026-01-10T00:00:00.000Z", "2027-01-10T00:00:30.000Z", { cron: "* * * * *" });
    assert.ok(due.kind === "due");
    assert.deepEqual([due.due, due.late], ["2027-01-10T00:00:00.000Z", false]);
    const [first, last] = ["2026-01-10T00:01:00.000Z", "2027-01-09T23:59:00.000Z"];
    assert.deepEqual(due.missed, { first, last, count: 99 });
  });

  it("is dealt with once when the clock is corrected, and starts over when it was far ahead", () => {
    const settled = "2026-01-11T01:30:00.000Z";
    const until = "2026-01-12T01:30:00.000Z";
    assert.deepEqual(at(settled, "2026-01-11T01:00:00.000Z"), { kind: "wait", until });
    const now = "2026-01-10T20:00:00.000Z";
    assert.deepEqual(at(settled, now), { kind: "rebase", to: now });
    assert.deepEqual(at(now, now), { kind: "wait", until: settled });
  });

  it("is nothing while it is paused, or when there is no such day", () => {
    const never = { kind: "wait", until: undefined } as const;
    assert.deepEqual(
      at("2026-01-10T00:00:00.000Z", "2027-01-10T00:00:00.000Z", { paused: true }),
      never,
    );
    assert.deepEqual(
      at("2026-01-10T00:00:00.000Z", "2027-01-10T00:00:00.000Z", { cron: "0 0 30 2 *" }),
      never,
    );
  });

  it("has a jitter that is the same each time, differs, and keeps the order", () => {
    const every = { ...NIGHTLY, cron: "*/10 * * * *", jitterSeconds: 3600 };
    const delays = new Set<number>();
    let before = 0;
    for (let after = "2026-01-10T00:00:00.000Z", i = 0; i < 20; i++) {
      const firing = nextFiring({ id: "s", schedule: every }, after, timetable, digest)!;
      assert.deepEqual(nextFiring({ id: "s", schedule: every }, after, timetable, digest), firing);
      const delay = Date.parse(firing.at) - Date.parse(firing.due);
      assert.ok(delay >= 0 && delay <= 300_000 && Date.parse(firing.at) > before);
      before = Date.parse(firing.at);
      delays.add(delay);
      after = firing.due;
    }
    assert.ok(delays.size > 10);
  });

  it("waits for its jitter, and is late only after it", () => {
    const more = { jitterSeconds: 3600 };
    const { at: fires, due } = nextFiring(
      { id: "s", schedule: { ...NIGHTLY, ...more } },
      "2026-01-10T12:00:00.000Z",
      timetable,
      digest,
    )!;
    const before = new Date(Date.parse(fires) - 1).toISOString();
    assert.deepEqual(at("2026-01-10T12:00:00.000Z", before, more), { kind: "wait", until: fires });
    const now = at("2026-01-10T12:00:00.000Z", fires, more);
    assert.deepEqual(now, { kind: "due", due, late: false, missed: null });
  });

  it("is refused if it cannot be read", () => {
    for (const wrong of [
      { cron: "" },
      { cron: "* * * *" },
      { cron: "0 0 3 * * *" },
      { timeZone: "Mars/Olympus" },
    ])
      assert.throws(() => at("2026-01-10T00:00:00.000Z", "2026-01-10T00:00:00.000Z", wrong), {
        code: "schedule-invalid",
      });
  });
});
