import assert from "node:assert/strict";
import { EventScan } from "../../../../../src/domain/audit/event-scan.ts";
import type { Change } from "../../../../../src/domain/audit/report/change.ts";
import { LogLifeCollector } from "../../../../../src/domain/audit/report/log-life.ts";
import { ReaderCollector } from "../../../../../src/domain/audit/report/readers.ts";
import { ConsentCheck } from "../../../../../src/domain/audit/report/consent-check.ts";
import { WindowCheck } from "../../../../../src/domain/audit/report/window-check.ts";
import { DEFAULT_POLICY, type Policy } from "../../../../../src/domain/database/events.ts";
import type { EventData, EventType, RecordedEvent } from "../../../../../src/domain/events.ts";
import type { EventQuery } from "../../../../../src/domain/ledger/ledger.ts";
import { CronerCalendar } from "../../../../../src/infra/calendar/croner-calendar.ts";
import { event, recorded } from "../../../../support/history.ts";

/** Events at times of their own, by actors of their own. */
const at = <T extends EventType>(
  index: number,
  time: string,
  type: T,
  data: object,
  actor = "ada",
): RecordedEvent => ({
  ...recorded([event(type, data as EventData[T])])[0]!,
  index,
  time: new Date(time).toISOString(),
  actor: { id: actor, kind: "user" },
});

const ledgerOf = (events: readonly RecordedEvent[]) => ({
  read: ({ actor, types, after, limit, order }: EventQuery) => {
    const found = events.filter(
      (one) =>
        (actor === undefined || one.actor.id === actor) &&
        (types === undefined || types.includes(one.type)) &&
        (after === undefined || (order === "desc" ? one.index < after : one.index > after)),
    );
    return Promise.resolve((order === "desc" ? found.toReversed() : found).slice(0, limit));
  },
});

const byIndex = (a: string, b: string): number => Number(a[5]) - Number(b[5]);

describe("readers of a period", () => {
  const reading = (index: number, time: string, actor: string): RecordedEvent =>
    at(index, time, "AuditAccessed", { answers: 2, from: time, to: time, shown: [] }, actor);

  const unusual = async (events: readonly RecordedEvent[], first: number) => {
    const readers = new ReaderCollector();
    for (const one of events.slice(first))
      if (one.type === "AuditAccessed" || one.type === "ReportIssued") readers.add(one);
    const found = await readers.unusual(ledgerOf(events));
    return found.map(
      ({ actor, index, text }) => `${actor} #${index} ${/never|nothing/.exec(text)![0]}`,
    );
  };

  it("are usual if they were given something in the 90 days before", async () => {
    const events = [
      reading(0, "2026-01-01", "ada"),
      reading(1, "2026-03-01", "bob"),
      reading(2, "2026-03-31", "ada"),
      reading(3, "2026-07-01", "ada"),
      reading(4, "2026-07-02", "eve"),
      reading(5, "2026-07-03", "eve"),
      reading(6, "2026-10-30", "eve"),
    ];
    const expected = ["ada #3 nothing", "eve #4 never", "eve #6 nothing"];
    assert.deepEqual((await unusual(events, 2)).toSorted(byIndex), expected);
    const all = await unusual(events, 0);
    assert.deepEqual(all.toSorted(byIndex), ["bob #1 never", ...expected]);
  });

  it("are counted, reports included", () => {
    const readers = new ReaderCollector();
    readers.add(reading(4, "2026-01-01", "ada") as never);
    readers.add(at(7, "2026-01-02", "ReportIssued", { report: "changes" }) as never);
    assert.deepEqual(readers.list(), [{ actor: "ada", answers: 3, first: 4, last: 7 }]);
  });
});

describe("the life of the log in a period", () => {
  const life = (events: readonly RecordedEvent[]) => {
    const collector = new LogLifeCollector();
    for (const one of events) collector.add(one);
    return collector.result();
  };
  const beat = (index: number, time: string) =>
    at(index, time, "HeartbeatRecorded", { seconds: 3600 });
  const fact = (index: number, time: string) =>
    at(index, time, "DriftChecked", { fingerprint: "f" });

  it("has gaps where more than two heartbeats are missing, also before the first one", () => {
    const { gaps, heartbeats } = life([
      fact(0, "2026-01-01T00:00:00Z"),
      fact(1, "2026-01-01T05:00:00Z"),
      beat(2, "2026-01-01T06:00:00Z"),
      fact(3, "2026-01-01T08:00:00Z"),
      fact(4, "2026-01-01T08:00:01Z"),
      fact(5, "2026-01-01T10:00:03Z"),
    ]);
    assert.equal(heartbeats, 1);
    assert.deepEqual(gaps, [
      { after: 0, before: 1, seconds: 18_000, why: null },
      { after: 4, before: 5, seconds: 7202, why: null },
    ]);
  });

  it("says of a gap that the service was stopped, or died", () => {
    const started = (index: number, time: string, after: "stop" | "crash") =>
      at(index, time, "ServiceStarted", { version: "1", settings: "sha256:s", after });
    const { gaps } = life([
      beat(0, "2026-01-01T00:00:00Z"),
      at(1, "2026-01-01T00:10:00Z", "ServiceStopped", { seconds: 600 }),
      fact(2, "2026-01-02T00:00:00Z"),
      started(3, "2026-01-03T00:00:00Z", "stop"),
      started(4, "2026-01-04T00:00:00Z", "crash"),
    ]);
    assert.deepEqual(
      gaps!.map(({ before, why }) => [before, why]),
      [
        [2, "stopped"],
        [3, "stopped"],
        [4, "crashed"],
      ],
    );
  });

  it("does not say that there are none where nothing tells how long is too long", () => {
    const { gaps } = life([fact(0, "2026-01-01T00:00:00Z"), fact(1, "2026-02-01T00:00:00Z")]);
    assert.equal(gaps, null);
  });

  it("does not take a clock that was set back for a silence", () => {
    const { gaps } = life([
      beat(0, "2026-01-01T00:00:00Z"),
      fact(1, "2026-01-01T01:00:00Z"),
      fact(2, "2025-01-01T00:00:00Z"),
      fact(3, "2026-01-01T01:00:05Z"),
    ]);
    assert.deepEqual(gaps, []);
  });
});

describe("windows, by the calendar alone", () => {
  const window = { opens: "0 2 * * *", minutes: 60, timeZone: "Europe/Berlin" };
  const policy = (more: Partial<Policy>): object => ({ policy: { ...DEFAULT_POLICY, ...more } });
  const started = (index: number, time: string) =>
    at(index, time, "RunStarted", { runId: "r", fingerprint: "f" });

  const look = async (change: Partial<Change>, events: RecordedEvent[], first: number) => {
    const scan = new EventScan(ledgerOf(events), () => Promise.resolve());
    const check = await WindowCheck.before(first, scan, new CronerCalendar());
    const of = {
      class: "normal",
      rehearsalOnly: false,
      databaseId: events[0]!.stream.slice(9),
      ...change,
    };
    for (const one of events.slice(first)) check.add(one, () => of as Change);
    return check.found.map(({ index, text }) => `#${index} ${/window|freeze/.exec(text)![0]}`);
  };

  it("tell a run that began while they were closed, or during a freeze", async () => {
    const freezes = [{ from: "2026-02-01T00:00:00Z", to: "2026-03-01T00:00:00Z", reason: "audit" }];
    const events = [
      at(0, "2026-01-01", "PolicyChanged", policy({ window, freezes })),
      started(1, "2026-01-02T01:30:00Z"),
      started(2, "2026-01-02T03:30:00Z"),
      started(3, "2026-02-02T01:30:00Z"),
      at(4, "2026-03-02", "PolicyChanged", policy({})),
      started(5, "2026-03-02T12:00:00Z"),
    ];
    assert.deepEqual(await look({}, events, 0), ["#2 window", "#3 freeze"]);
    assert.deepEqual(await look({}, events, 2), ["#2 window", "#3 freeze"]);
    assert.deepEqual(await look({}, events, 5), []);
    assert.deepEqual(await look({ class: "emergency" }, events, 0), []);
    assert.deepEqual(await look({ rehearsalOnly: true }, events, 0), []);
  });
});

describe("consent, by the events alone", () => {
  const policy = (more: Partial<Policy>): object => ({ policy: { ...DEFAULT_POLICY, ...more } });
  const look = async (events: RecordedEvent[], first: number, to = "2027-01-01") => {
    const scan = new EventScan(ledgerOf(events), () => Promise.resolve());
    const check = await ConsentCheck.before(first, scan, new CronerCalendar());
    for (const one of events.slice(first)) check.add(one);
    return check.all((id) => id === "shown", to).map(({ kind, index }) => `#${index} ${kind}`);
  };
  const asked = (index: number, more: object) =>
    at(index, "2026-01-02T00:00:00Z", "RestoreRequested", {
      restoreId: "x",
      backupId: "b",
      reason: "r",
      ...more,
    });
  const approved = (index: number) =>
    at(index, "2026-01-02T00:00:01Z", "RestoreApproved", { restoreId: "x", planDigest: "d" });
  const began = (index: number, time = "2026-01-02T00:00:02Z") =>
    at(index, time, "RestoreStarted", { restoreId: "x", backupId: "b" });
  const registered = at(0, "2026-01-01", "PolicyChanged", policy({ approvals: 1 }));

  it("tell a restore that began without its approvals", async () => {
    const needs = asked(1, { approvalsNeeded: 1 });
    assert.deepEqual(await look([registered, needs, approved(2), began(3)], 0), []);
    const missing = ["#2 approvals-missing"];
    assert.deepEqual(await look([registered, needs, began(2)], 0), missing);
    assert.deepEqual(await look([registered, needs, began(2)], 2), missing);
    const taken = at(3, "2026-01-02", "ApprovalExpired", { restoreId: "x", approvals: [2] });
    const lapsed = [registered, needs, approved(2), taken, began(4)];
    assert.deepEqual(await look(lapsed, 0), ["#4 approvals-missing"]);
  });

  it("tell one that began in a freeze, unless it was asked for so", async () => {
    const freezes = [{ from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z", reason: "audit" }];
    const frozen = at(0, "2026-01-01", "PolicyChanged", policy({ freezes }));
    assert.deepEqual(await look([frozen, asked(1, {}), began(2)], 0), ["#2 began-outside-window"]);
    assert.deepEqual(await look([frozen, asked(1, { exception: true }), began(2)], 0), []);
    assert.deepEqual(await look([frozen, asked(1, { exempt: "database-broken" }), began(2)], 0), [
      "#1 consent-exempt",
    ]);
    assert.deepEqual(await look([frozen, asked(1, {}), began(2, "2026-02-01T00:00:00Z")], 0), []);
  });

  it("tell a policy that was made to demand less without its approvals", async () => {
    const wanted = at(1, "2026-01-02", "PolicyChangeRequested", {
      policyChangeId: "p",
      approvalsNeeded: 1,
    });
    const agreed = at(2, "2026-01-02", "PolicyChangeApproved", { policyChangeId: "p" });
    const made = (index: number) =>
      at(index, "2026-01-02", "PolicyChanged", { ...policy({}), policyChangeId: "p" });
    assert.deepEqual(await look([registered, wanted, agreed, made(3)], 0), []);
    assert.deepEqual(await look([registered, wanted, made(2)], 0), ["#2 approvals-missing"]);
  });

  it("tell emergencies until they are reviewed, in every period", async () => {
    const urgent = { emergency: true, reviewBy: "2026-01-05T00:00:00Z" };
    const events = [registered, asked(1, urgent), began(2)];
    assert.deepEqual(await look(events, 0), ["#1 emergency", "#1 review-missing"]);
    assert.deepEqual(await look(events, 0, "2026-01-04"), ["#1 emergency"]);
    assert.deepEqual(await look(events, 3), ["#1 review-missing"]);
    const reviewed = at(3, "2026-01-06", "EmergencyReviewed", { restoreId: "x" });
    assert.deepEqual(await look([...events, reviewed], 3), []);
    const run = (id: string) => at(1, "2026-01-02", "RunRequested", { runId: id, ...urgent });
    assert.deepEqual(await look([registered, run("old")], 2), ["#1 review-missing"]);
    // The report says that of the runs that it shows by itself.
    assert.deepEqual(await look([registered, run("shown")], 2), []);
  });
});
