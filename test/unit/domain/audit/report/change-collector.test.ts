import assert from "node:assert/strict";
import { ChangeCollector } from "../../../../../src/domain/audit/report/change-collector.ts";
import { LOG_CONTROLS } from "../../../../../src/domain/audit/report/controls.ts";
import {
  ExceptionCollector,
  exceptionsOf,
} from "../../../../../src/domain/audit/report/exceptions.ts";
import { Scripts } from "../../../../../src/domain/audit/report/scripts.ts";
import {
  EVENT_VERSIONS,
  type EventData,
  type EventType,
} from "../../../../../src/domain/events.ts";
import { event, recorded, runRequested, stepStarted } from "../../../../support/history.ts";

const some = <T extends EventType>(type: T, data: object) => event(type, data as EventData[T]);

describe("a change of a report", () => {
  const requested = runRequested("r", ["1"]);
  const backup = some("BackupStarted", { backupId: "b", purpose: "pre-migration", runId: "r" });
  const verified = some("BackupVerified", { backupId: "b" });
  const step = stepStarted("r", "1");

  const kinds = (...events: Parameters<typeof recorded>[0]): string[] => {
    const collector = new ChangeCollector(0, new Scripts());
    for (const one of recorded(events)) collector.add(one);
    return exceptionsOf(collector.get("r")!, "2027-01-01").map(({ kind }) => kind);
  };

  it("has its backup verified before its steps, however often that is verified again", () => {
    assert.ok(!kinds(requested, backup, verified, step).includes("no-verified-backup"));
    assert.ok(!kinds(requested, backup, verified, step, verified).includes("no-verified-backup"));
    assert.ok(kinds(requested, backup, step, verified).includes("no-verified-backup"));
  });
});

describe("exceptions of a report", () => {
  it("name what somebody who was asked did not agree to", () => {
    const collector = new ExceptionCollector();
    const events = [
      some("RestoreRejected", { restoreId: "x", reason: "Wrong backup" }),
      some("PolicyChangeRejected", { policyChangeId: "p", reason: "Not now" }),
      some("EmergencyReviewed", { runId: "r", verdict: "objected", comment: "It could wait" }),
      some("EmergencyReviewed", { runId: "s", verdict: "accepted", comment: "It could not" }),
    ];
    for (const one of recorded(events)) collector.add(one);
    assert.deepEqual(
      collector.all([], "2027-01-01", []).map(({ kind, text }) => `${kind}: ${text}`),
      [
        "restore-rejected: Wrong backup",
        "policy-change-rejected: Not now",
        "review-objected: It could wait",
      ],
    );
  });
});

describe("controls over the log", () => {
  it("rest on types of events that there are", () => {
    const types = new Set(LOG_CONTROLS.flatMap((control) => control.types));
    for (const type of types) assert.ok(type === "*" || type in EVENT_VERSIONS, type);
    assert.ok(types.has("ServiceStarted") && types.has("ServiceStopped"));
  });
});
