import assert from "node:assert/strict";
import { DEFAULT_POLICY, type Policy } from "../../../../src/domain/database/events.ts";
import { admission } from "../../../../src/domain/governance/admission.ts";
import type { RunEvents } from "../../../../src/domain/migration/events.ts";
import { CronerCalendar } from "../../../../src/infra/calendar/croner-calendar.ts";
import type { DomainEvent } from "../../../../src/domain/events.ts";
import { event, given, migration, registered, runRequested } from "../../../support/history.ts";

const calendar = new CronerCalendar();
const VIENNA = { opens: "0 2 * * *", minutes: 120, timeZone: "Europe/Vienna" };

const requested = (more: Partial<RunEvents["RunRequested"]>): DomainEvent => {
  const plain = runRequested("r", ["1"]) as { type: "RunRequested"; data: object };
  return event("RunRequested", { ...plain.data, ...more } as RunEvents["RunRequested"]);
};

const approved = event("RunApproved", {
  runId: "r",
  planDigest: "sha256:plan",
  fingerprint: "sha256:empty",
  meaning: "m",
});

/** What the run of this history may do at that time. */
function at(
  now: string,
  policy: Partial<Policy>,
  more: Partial<RunEvents["RunRequested"]>,
  ...events: DomainEvent[]
) {
  const state = given(...registered, migration("1"), requested(more), ...events);
  return admission(state.runs.get("r")!, { ...DEFAULT_POLICY, ...policy }, now, calendar);
}

describe("admission", () => {
  it("lets a run begin that needs nothing", () => {
    assert.deepEqual(at("2026-03-01T12:00:00.000Z", {}, {}), { kind: "begin" });
  });

  it("waits for as many approvals as were demanded", () => {
    const now = "2026-03-01T12:00:00.000Z";
    const none = at(now, {}, { approvalsNeeded: 2 });
    assert.deepEqual(none, { kind: "approvals", missing: 2, expired: [], revoked: [] });
    const one = at(now, {}, { approvalsNeeded: 2 }, approved);
    assert.deepEqual(one, { kind: "approvals", missing: 1, expired: [], revoked: [] });
    assert.deepEqual(at(now, {}, { approvalsNeeded: 1 }, approved), { kind: "begin" });
  });

  it("does not count approvals older than the policy allows", () => {
    const policy = { approvalHours: 1 };
    // The history's events are of 2026-01-02T03:04.
    const need = { approvalsNeeded: 1 };
    assert.deepEqual(at("2026-01-02T04:00:00.000Z", policy, need, approved), { kind: "begin" });
    const late = at("2026-01-02T04:05:00.000Z", policy, need, approved);
    assert.deepEqual(late, { kind: "approvals", missing: 1, expired: [4], revoked: [] });
  });

  it("waits for notBefore, exclusive of nothing", () => {
    const notBefore = "2026-03-01T12:00:00.000Z";
    const wait = at("2026-03-01T11:59:59.999Z", {}, { notBefore });
    assert.deepEqual(wait, { kind: "wait", until: notBefore, cause: "not-before" });
    assert.deepEqual(at(notBefore, {}, { notBefore }), { kind: "begin" });
  });

  it("waits for the window of the wall clock, also when daylight saving begins and ends", () => {
    const window = { window: VIENNA };
    const cases = [
      // winter: 02:00 is 01:00Z
      ["2026-03-27T12:00:00.000Z", "2026-03-28T01:00:00.000Z"],
      // 29 March: 02:00 does not exist; the window opens when that hour would have ended
      ["2026-03-28T12:00:00.000Z", "2026-03-29T01:00:00.000Z"],
      // summer: 02:00 is 00:00Z
      ["2026-03-29T12:00:00.000Z", "2026-03-30T00:00:00.000Z"],
      // 25 October: 02:00 happens twice; it opens once
      ["2026-10-24T12:00:00.000Z", "2026-10-25T00:00:00.000Z"],
      ["2026-10-25T03:30:00.000Z", "2026-10-26T01:00:00.000Z"],
    ] as const;
    for (const [now, until] of cases)
      assert.deepEqual(at(now, window, {}), { kind: "wait", until, cause: "window" }, now);
    for (const open of ["2026-03-28T01:00:00.000Z", "2026-03-28T02:59:59.999Z"])
      assert.deepEqual(at(open, window, {}), { kind: "begin" }, open);
    const closed = at("2026-03-28T03:00:00.000Z", window, {});
    assert.equal(closed.kind, "wait");
  });

  it("moves on over a freeze into the next window after it", () => {
    const freeze = {
      from: "2026-12-20T00:00:00.000Z",
      to: "2027-01-02T12:00:00.000Z",
      reason: "Year's end",
    };
    const policy = { window: { ...VIENNA, timeZone: "UTC" }, freezes: [freeze] };
    assert.deepEqual(at("2026-12-24T02:30:00.000Z", policy, {}), {
      kind: "wait",
      until: "2027-01-03T02:00:00.000Z",
      cause: "window",
    });
    assert.deepEqual(at("2026-12-24T02:30:00.000Z", { freezes: [freeze] }, {}), {
      kind: "wait",
      until: freeze.to,
      cause: "freeze",
    });
  });

  it("lets an exception pass window and freeze, but not notBefore, nor without its approvals", () => {
    const policy = { window: VIENNA };
    const now = "2026-03-28T12:00:00.000Z";
    const need = { exception: true, approvalsNeeded: 1 };
    assert.equal(at(now, policy, need).kind, "approvals");
    assert.deepEqual(at(now, policy, need, approved), { kind: "begin" });
    const later = { ...need, notBefore: "2026-03-28T13:00:00.000Z" };
    assert.equal(at(now, policy, later, approved).kind, "wait");
  });

  it("holds an emergency up for nothing", () => {
    const policy = { approvals: 3, window: VIENNA };
    const now = "2026-03-28T12:00:00.000Z";
    assert.deepEqual(at(now, policy, { emergency: true }), { kind: "begin" });
  });

  it("demands what a changed policy demands of runs that have not begun", () => {
    const policy = event("PolicyChanged", { policy: { ...DEFAULT_POLICY, approvals: 2 } });
    const state = given(...registered, migration("1"), requested({}), policy);
    assert.equal(state.runs.get("r")!.status, "awaiting-approval");
    assert.equal(state.runs.get("r")!.approvalsNeeded, 2);
  });
});

describe("admission of a restore", () => {
  const NOON = "2026-03-01T12:00:00.000Z";
  const restore = (more: object = {}): DomainEvent =>
    event("RestoreRequested", {
      restoreId: "x",
      backupId: "b",
      reason: "r",
      planDigest: "sha256:plan",
      ...more,
    });
  const consent = event("RestoreApproved", {
    restoreId: "x",
    planDigest: "sha256:plan",
    fingerprint: "sha256:empty",
    meaning: "m",
  });
  const policyOf = (policy: Partial<Policy>): DomainEvent =>
    event("PolicyChanged", { policy: { ...DEFAULT_POLICY, ...policy } });

  /** What the restore of this history may do at noon, by the policy that the history leads to. */
  function after(...events: DomainEvent[]): string {
    const { restores, shop } = given(...registered, ...events);
    const one = restores.get("x")!;
    const decided = admission(one, shop.policy, NOON, calendar);
    const what = decided.kind === "wait" ? decided.cause : decided.kind;
    return `${one.status}: ${what}`;
  }

  const freezes = [
    { from: "2026-03-01T00:00:00.000Z", to: "2026-03-02T00:00:00.000Z", reason: "audit" },
  ];

  it("begins where nobody asks, and waits where the policy does", () => {
    assert.equal(after(restore()), "queued: begin");
    assert.equal(after(restore({ approvalsNeeded: 1 })), "awaiting-approval: approvals");
    assert.equal(after(restore({ approvalsNeeded: 1 }), consent), "queued: begin");
    assert.equal(after(policyOf({ freezes }), restore()), "queued: freeze");
    const notBefore = "2026-03-01T13:00:00.000Z";
    assert.equal(after(restore({ notBefore })), "queued: not-before");
  });

  it("needs what a changed policy asks of destructive plans, and never less than before", () => {
    const raised = policyOf({ approvalsIfDestructive: 2 });
    assert.equal(after(restore(), raised), "awaiting-approval: approvals");
    assert.equal(after(restore(), raised, consent), "awaiting-approval: approvals");
    assert.equal(after(restore(), raised, policyOf({})), "awaiting-approval: approvals");
    assert.equal(after(restore(), consent, policyOf({ approvals: 1 })), "queued: begin");
  });

  it("does not count what was taken back or has lapsed", () => {
    const needs = restore({ approvalsNeeded: 1 });
    const back = event("ApprovalWithdrawn", { restoreId: "x" });
    assert.equal(after(needs, consent, back), "awaiting-approval: approvals");
    assert.equal(after(needs, consent, policyOf({ approvalHours: 1 })), "queued: approvals");
  });

  it("asks nobody of what is exempt, but obeys its own time", () => {
    const strict = policyOf({ approvals: 3, freezes });
    for (const exempt of ["new-file", "part-of-run", "database-broken"] as const) {
      assert.equal(after(restore({ exempt }), strict), "queued: begin", exempt);
      const late = { exempt, notBefore: "2026-03-01T13:00:00.000Z" };
      assert.equal(after(restore(late), strict), "queued: not-before", exempt);
    }
    // As recorded before there were exemptions.
    for (const old of [{ target: "/x.db" }, { runId: "r" }])
      assert.equal(after(restore({ planDigest: undefined, ...old }), strict), "queued: begin");
    assert.equal(
      after(restore({ planDigest: undefined }), policyOf({ approvals: 1 })),
      "queued: begin",
    );
  });

  it("holds an emergency up for nothing, and ends what is rejected", () => {
    const strict = policyOf({ approvals: 3, freezes });
    assert.equal(after(strict, restore({ emergency: true, reviewBy: NOON })), "queued: begin");
    const { restores, left } = given(
      ...registered,
      restore({ approvalsNeeded: 1 }),
      event("RestoreRejected", { restoreId: "x", reason: "no" }),
    );
    assert.equal(restores.get("x"), undefined);
    assert.equal(left[0]?.entity.status, "rejected");
  });
});

describe("CronerCalendar", () => {
  const refused = { code: "window-invalid" };
  it("refuses what is no cron expression, no time zone, or never opens", () => {
    for (const opens of ["", "* * * *", "0 0 2 * * *", "61 * * * *", "0 2 31 2 *", "@yearly x"])
      assert.throws(() => calendar.check({ ...VIENNA, opens }), refused, opens);
    assert.throws(() => calendar.check({ ...VIENNA, timeZone: "Mars/Olympus" }), refused);
    calendar.check(VIENNA);
  });

  it("is open from its opening for its minutes", () => {
    assert.equal(calendar.isOpen(VIENNA, "2026-03-27T01:00:00.000Z"), true);
    assert.equal(calendar.isOpen(VIENNA, "2026-03-27T00:59:59.999Z"), false);
    assert.equal(calendar.isOpen(VIENNA, "2026-03-27T03:00:00.000Z"), false);
  });
});
