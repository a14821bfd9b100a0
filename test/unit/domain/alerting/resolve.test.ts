import assert from "node:assert/strict";
import { alertOf } from "../../../../src/domain/alerting/rules.ts";
import { LASTING } from "../../../../src/domain/alerting/open-alert.ts";
import { resolutions } from "../../../../src/domain/alerting/resolve.ts";
import { overdue } from "../../../../src/domain/alerting/watch.ts";
import type { DomainEvent } from "../../../../src/domain/events.ts";
import type { LedgerState } from "../../../../src/domain/state/state.ts";
import { event, given, registered, SHOP } from "../../../support/history.ts";
import { textOf } from "../../../support/repository.ts";

const NOW = "2026-03-01T12:00:00.000Z";
const target = (name: string): DomainEvent =>
  event("AlertTargetAdded", {
    targetId: name,
    name,
    kind: "webhook",
    place: "https://hooks.example.org",
    secretId: "s",
  });
const quarantined = event("DatabaseQuarantined", { code: "step-unknown", reason: "?" });
const released = event("DatabaseReleased", { reason: "looked at" });
const drift = (found: string): DomainEvent =>
  event("DriftDetected", { expected: "sha256:a", found, differences: [] });

/** The history with the alerts that its events call for, as the ledger would have it. */
function told(...history: readonly DomainEvent[]): LedgerState {
  const all: DomainEvent[] = [...registered];
  for (const one of history) {
    const state = given(...all);
    const database = state.databases.get(SHOP);
    const data = alertOf(one, { state, database, name: "shop", now: NOW });
    all.push(one, ...(data === undefined ? [] : [event("AlertRaised", data)]));
  }
  return given(...all);
}

const over = (state: LedgerState, late: readonly string[] = []): string[] =>
  resolutions(state, new Set(late)).map((one) => one.event.data.code);

const raised = (code: string, alertId = code): DomainEvent =>
  event("AlertRaised", {
    alertId,
    code,
    severity: "critical",
    message: code,
    about: { kind: "database", id: SHOP },
  });

describe("troubles that last", () => {
  it("are open until the state shows that they are over, by whichever way", () => {
    assert.deepEqual([...told(quarantined).openAlerts.keys()], [`quarantine:${SHOP}`]);
    assert.deepEqual(over(told(quarantined)), []);
    assert.deepEqual(over(told(quarantined, released)), ["database-quarantined"]);
    assert.deepEqual(over(told(drift("sha256:b"))), []);
    assert.deepEqual(over(told(drift("sha256:b"), drift("sha256:b"))), []);
    const another = told(drift("sha256:b"), drift("sha256:c"));
    assert.deepEqual(
      resolutions(another, new Set()).map((one) => one.event.data.alertId),
      [`drift:${SHOP}:sha256:b`],
    );
    const gone = event("DriftResolved", { decision: "gone", found: "sha256:a", reason: "x" });
    assert.deepEqual(over(told(drift("sha256:b"), gone)), ["drift-detected"]);
  });

  it("are over with their database", () => {
    const retired = event("DatabaseRetired", { reason: "unused" });
    assert.deepEqual(over(told(quarantined, retired)), ["database-quarantined"]);
  });

  it("that are late are over when nothing is late any more", () => {
    const state = given(...registered, raised("backup-too-old", `backup-too-old:${SHOP}`));
    assert.deepEqual(over(state, [`backup-too-old:${SHOP}`]), []);
    assert.deepEqual(over(state), ["backup-too-old"]);
    assert.deepEqual(overdue(state, Date.parse(NOW), undefined), []);
  });

  it("are no troubles that are over with the event", () => {
    assert.equal(given(...registered, raised("run-failed")).openAlerts.size, 0);
  });

  it("end with what resolves them, and are told to whom the beginning was told", () => {
    const history = [target("ops"), raised("database-quarantined", "q"), target("late")];
    const before = given(...registered, ...history);
    const [one] = resolutions(before, new Set());
    const resolved = event("AlertResolved", one!.event.data);
    const state = given(...registered, ...history, resolved);
    assert.equal(state.openAlerts.size, 0);
    const queues = [...state.alertTargets.values()].map(({ queue }) => queue.length);
    assert.deepEqual(queues, [2, 0]);
  });

  it("each have a way to end, and a row that says so", () => {
    const source = textOf("src/domain/alerting/resolve.ts");
    const page = textOf("docs/reference/alerts.md");
    for (const code of LASTING) {
      assert.ok(source.includes(`"${code}":`), code);
      const row = page
        .split("\n")
        .find((line) => line.startsWith("|") && line.includes(`\`${code}\``));
      assert.match(row ?? "", /lasts/, code);
    }
  });
});
