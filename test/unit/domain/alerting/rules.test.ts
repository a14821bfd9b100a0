import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "../../../../src/domain/database/events.ts";
import { withAlerts } from "../../../../src/domain/alerting/with-alerts.ts";
import { databaseStream, SERVICE_STREAM, type DomainEvent } from "../../../../src/domain/events.ts";
import type { Append } from "../../../../src/domain/ledger/ledger.ts";
import type { LedgerState } from "../../../../src/domain/state/state.ts";
import {
  event,
  given,
  migration,
  registered,
  runRequested,
  SHOP,
} from "../../../support/history.ts";

const NOW = "2026-03-01T12:00:00.000Z";
const ops = event("AlertTargetAdded", {
  targetId: "t",
  name: "ops",
  kind: "webhook",
  place: "https://hooks.example.org",
  secretId: "s",
});
const error = { code: "statement-failed", message: "no such table: a" };

/** What an append raises, by code. */
function raised(
  history: readonly DomainEvent[],
  events: readonly DomainEvent[],
  stream = databaseStream(SHOP),
): string[] {
  const append = { stream, expected: "any", events, context: {} } as unknown as Append;
  const state = given(...registered, ...history);
  const whole = withAlerts(append, state, NOW);
  assert.deepEqual(whole.events.slice(0, events.length), events);
  return whole.events
    .slice(events.length)
    .map((one) => (one.type === "AlertRaised" ? one.data.code : one.type));
}

describe("alert rules", () => {
  const failed = event("RunFailed", { runId: "r", error, outcome: "kept", durationMs: 1 });

  it("raise it for the record also while there is nobody to tell", () => {
    assert.deepEqual(raised([], [failed]), ["run-failed"]);
  });

  it("raise one alert for each trouble, in the append that records it", () => {
    const unverified = event("BackupVerificationFailed", { backupId: "b", error });
    assert.deepEqual(raised([ops], [failed]), ["run-failed"]);
    assert.deepEqual(raised([ops], [failed, unverified]), ["run-failed", "backup-damaged"]);
    assert.deepEqual(raised([ops], [failed, failed]), ["run-failed"]);
  });

  it("do not repeat what the append raises already", () => {
    const unverified = event("BackupVerificationFailed", { backupId: "b", error });
    const alert = event("AlertRaised", {
      alertId: "backup:b",
      code: "backup-damaged",
      severity: "critical",
      message: "damaged",
      about: { kind: "backup", id: "b" },
    });
    assert.deepEqual(raised([ops], [unverified, alert]), []);
  });

  it("tell of drift once for each schema that is found", () => {
    const drift = (found: string): DomainEvent =>
      event("DriftDetected", { expected: "sha256:a", found, differences: [] });
    assert.deepEqual(raised([ops], [drift("sha256:b")]), ["drift-detected"]);
    assert.deepEqual(raised([ops, drift("sha256:b")], [drift("sha256:b")]), []);
    assert.deepEqual(raised([ops, drift("sha256:b")], [drift("sha256:c")]), ["drift-detected"]);
  });

  it("tell of attempts to approve what is one's own, not of a plan that has changed", () => {
    const refused = (code: string): DomainEvent =>
      event("ApprovalRefused", { runId: "r", decision: "approve", code, planDigest: "d" });
    assert.deepEqual(raised([ops], [refused("self-approval")]), ["self-approval"]);
    assert.deepEqual(raised([ops], [refused("plan-changed")]), []);
    const tried = { decision: "approve", code: "self-approval", planDigest: "d" } as const;
    for (const about of [{ restoreId: "r" }, { policyChangeId: "p" }])
      assert.deepEqual(raised([ops], [event("ApprovalRefused", { ...about, ...tried })]), [
        "self-approval",
      ]);
  });

  it("tell of restores and changes of policy that begin without approvals, and of no others", () => {
    const urgent = { emergency: true, reviewBy: "2026-01-05T00:00:00.000Z" } as const;
    const restore = { restoreId: "r", backupId: "b", reason: "x", runId: "other" };
    assert.deepEqual(raised([ops], [event("RestoreRequested", { ...restore, ...urgent })]), [
      "emergency-restore",
    ]);
    assert.deepEqual(raised([ops], [event("RestoreRequested", restore)]), []);
    const change = { policyChangeId: "p", policy: DEFAULT_POLICY, weakens: [], planDigest: "d" };
    assert.deepEqual(raised([ops], [event("PolicyChangeRequested", { ...change, ...urgent })]), [
      "emergency-policy-change",
    ]);
    assert.deepEqual(raised([ops], [event("PolicyChangeRequested", change)]), []);
  });

  it("tell of a migration that was refused", () => {
    const refused = event("MigrationRefused", { version: "1", code: "signature-missing" });
    assert.deepEqual(raised([ops], [refused]), ["migration-refused"]);
  });

  it("tell of a window that passed without the run having begun", () => {
    const at = (time: string): DomainEvent =>
      event("RunScheduled", { runId: "r", at: time, cause: "window" });
    const history = [ops, migration("1"), runRequested("r", ["1"])];
    assert.deepEqual(raised(history, [at("2026-03-01T02:00:00.000Z")]), []);
    const waiting = [...history, at("2026-03-01T02:00:00.000Z")];
    assert.deepEqual(raised(waiting, [at("2026-03-08T02:00:00.000Z")]), ["window-missed"]);
    const notYet = [...history, at("2026-03-02T02:00:00.000Z")];
    assert.deepEqual(raised(notYet, [at("2026-03-08T02:00:00.000Z")]), []);
  });

  it("tell of recoveries that found something open, not of those after a step's own failure", () => {
    const recovery = (reason: "start" | "after-failure", attempts: string[]): DomainEvent =>
      event("RecoveryStarted", { reason, attempts });
    assert.deepEqual(raised([ops], [recovery("start", ["a"])]), ["recovery-happened"]);
    assert.deepEqual(raised([ops], [recovery("start", [])]), []);
    assert.deepEqual(raised([ops], [recovery("after-failure", ["a"])]), []);
  });

  it("tell of what could not be told, but not without end", () => {
    const alert = (code: string): DomainEvent =>
      event("AlertRaised", {
        alertId: "x",
        code,
        severity: "warning",
        message: "x",
        about: { kind: "run", id: "r" },
      });
    const history = (code: string): DomainEvent[] => [ops, alert(code)];
    const index = registered.length + 1;
    const given_up = event("AlertDeliveryFailed", {
      targetId: "t",
      alert: index,
      alertId: "x",
      attempt: 9,
      error,
      durationMs: 1,
    });
    const raises = (code: string): string[] => raised(history(code), [given_up], SERVICE_STREAM);
    assert.deepEqual(raises("run-failed"), ["alert-not-delivered"]);
    assert.deepEqual(raises("alert-not-delivered"), []);
  });
});

describe("queues of alerts", () => {
  const alert = (code: string, severity: "critical" | "warning" = "warning"): DomainEvent =>
    event("AlertRaised", {
      alertId: code,
      code,
      severity,
      message: code,
      about: { kind: "run", id: "r" },
    });
  const queueOf = ({ alertTargets }: LedgerState): string[] =>
    alertTargets.get("t")!.queue.map(({ code }) => code);
  const first = registered.length + 1;
  const delivery = { targetId: "t", alert: first, alertId: "one", attempt: 1, durationMs: 1 };

  it("hold what is due, in order, until it is delivered", () => {
    const state = given(...registered, ops, alert("one"), alert("two"));
    assert.deepEqual(queueOf(state), ["one", "two"]);
    const delivered = event("AlertDelivered", delivery);
    assert.deepEqual(queueOf(given(...registered, ops, alert("one"), alert("two"), delivered)), [
      "two",
    ]);
  });

  it("keep the order while the first is tried again, and let go of what is given up", () => {
    const again = event("AlertDeliveryFailed", { ...delivery, error, retryAt: NOW });
    const history = [...registered, ops, alert("one"), alert("two"), again];
    const state = given(...history);
    assert.deepEqual(queueOf(state), ["one", "two"]);
    assert.equal(state.alertTargets.get("t")!.queue[0]!.retryAt, NOW);
    const dead = event("AlertDeliveryFailed", { ...delivery, attempt: 2, error });
    const after = given(...history, dead);
    assert.deepEqual(queueOf(after), ["two"]);
    assert.deepEqual(
      after.alertTargets.get("t")!.dead.map(({ code, attempts }) => [code, attempts]),
      [["one", 2]],
    );
    const replayed = event("AlertReplayed", { targetId: "t", alerts: [first] });
    assert.deepEqual(queueOf(given(...history, dead, replayed)), ["two", "one"]);
  });

  it("take nothing that the target does not want", () => {
    const critical = event("AlertTargetChanged", {
      targetId: "t",
      name: "ops",
      kind: "webhook",
      place: "https://hooks.example.org",
      secretId: "s",
      severity: "critical",
      codes: ["one", "three"],
    });
    const state = given(
      ...registered,
      ops,
      critical,
      alert("one", "critical"),
      alert("two", "critical"),
      alert("three"),
    );
    assert.deepEqual(queueOf(state), ["one"]);
  });

  it("are gone with their target, whatever is recorded of it later", () => {
    const removed = event("AlertTargetRemoved", { targetId: "t", reason: "unused" });
    const late = event("AlertDelivered", delivery);
    assert.equal(given(...registered, ops, alert("one"), removed, late).alertTargets.size, 0);
  });
});
