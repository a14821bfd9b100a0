import assert from "node:assert/strict";
import type { DomainEvent } from "../../../../src/domain/events.ts";
import type { LedgerState } from "../../../../src/domain/state/state.ts";
import {
  applied,
  event,
  given,
  migration,
  registered,
  runRequested,
  stepStarted,
} from "../../../support/history.ts";

const check = (checkId: string): DomainEvent[] => [
  event("IntegrityCheckStarted", { checkId, level: "quick" }),
  event("IntegrityCheckCompleted", { checkId, status: "passed", findings: [], durationMs: 1 }),
];
const anotherRun = [runRequested("other", []), cancelled("other")];

function cancelled(runId: string): DomainEvent {
  return event("RunCancelled", { runId, reason: "no", outcome: "untouched", durationMs: 0 });
}

const failed = (runId: string): DomainEvent =>
  event("RunFailed", {
    runId,
    error: { code: "x", message: "y" },
    outcome: "unknown",
    durationMs: 1,
  });

const failedBackup = (backupId: string, runId?: string): DomainEvent[] => [
  event("BackupStarted", {
    backupId,
    kind: "full",
    purpose: "run",
    ...(runId === undefined ? {} : { runId }),
  }),
  event("BackupFailed", { backupId, error: { code: "disk-full", message: "no" } }),
];

const left = ({ left }: LedgerState): string[] =>
  left.map(({ kind, entity }) => `${kind} ${entity.id}`);

const started = (restoreId: string, runId: string): DomainEvent[] => [
  event("RestoreRequested", { restoreId, backupId: "b", reason: "y", runId }),
  event("RestoreStarted", {
    restoreId,
    backupId: "b",
    safetyBackupId: null,
    incarnation: "i-2",
    reason: "y",
    runId,
  }),
];

const completed = (restoreId: string): DomainEvent =>
  event("RestoreCompleted", {
    restoreId,
    backupId: "b",
    incarnation: "i-2",
    fingerprint: "sha256:f",
    schema: [],
    applied: [],
    rowsBefore: {},
    rowsAfter: {},
    durationMs: 1,
  });

describe("what leaves the state", () => {
  it("is a run that ended before the newest one", () => {
    const state = given(...registered, migration("1"), ...applied("r", "1"), ...anotherRun);
    assert.deepEqual(left(state), ["runs r"]);
    assert.deepEqual([...state.runs.keys()], ["other"]);
    const [run] = state.left;
    assert.equal(run?.entity.status, "succeeded");
  });

  it("is not the newest run or check of its database", () => {
    const state = given(...registered, migration("1"), ...applied("r", "1"), ...check("c"));
    assert.deepEqual(left(state), []);
    assert.ok(state.runs.has("r") && state.checks.has("c"));
    assert.deepEqual(left(given(...registered, ...check("c"), ...check("d"))), ["checks c"]);
  });

  it("is not a run with a step that nobody knows, until that is resolved", () => {
    const unknown: DomainEvent[] = [
      ...registered,
      migration("1"),
      runRequested("r", ["1"]),
      stepStarted("r", "1"),
      failed("r"),
      ...anotherRun,
    ];
    assert.deepEqual(left(given(...unknown)), []);
    const resolved = event("StepResolved", {
      runId: "r",
      attempt: "r-1-up",
      version: "1",
      direction: "up",
      decision: "applied",
      reason: "markers",
    });
    const state = given(...unknown, resolved);
    assert.deepEqual(left(state), ["runs r"]);
    const [run] = state.left;
    assert.equal(run?.kind === "runs" && run.entity.steps[0]?.status, "applied");
  });

  it("is not a run whose restore is under way: the restore tells what became of its steps", () => {
    const late: DomainEvent[] = [
      ...registered,
      migration("1"),
      ...applied("r", "1").slice(0, -1),
      ...started("x", "r"),
      failed("r"),
      ...anotherRun,
    ];
    assert.deepEqual(left(given(...late)), []);
    const state = given(...late, completed("x"));
    assert.deepEqual(left(state).toSorted(), ["restores x", "runs r"]);
    const run = state.left.find(({ kind }) => kind === "runs");
    assert.equal(run?.kind === "runs" && run.entity.steps[0]?.status, "reverted");
  });

  it("is not an emergency run that nobody has reviewed", () => {
    const request = runRequested("r", []);
    const emergency = event("RunRequested", { ...request.data, emergency: true } as never);
    const history = [...registered, emergency, cancelled("r"), ...anotherRun];
    assert.deepEqual(left(given(...history)), []);
    const reviewed = event("EmergencyReviewed", { runId: "r", verdict: "accepted", comment: "ok" });
    assert.deepEqual(left(given(...history, reviewed)), ["runs r"]);
  });

  it("is a restore or a failed backup, but those of a run only with its end", () => {
    assert.deepEqual(left(given(...registered, ...failedBackup("b"))), ["backups b"]);
    const open = [...registered, runRequested("r", []), ...failedBackup("b", "r")];
    assert.deepEqual(left(given(...open, ...started("x", "r"), completed("x"))), []);
    const over = given(...open, ...started("x", "r"), completed("x"), failed("r"));
    assert.deepEqual(left(over), ["backups b", "restores x"]);
  });

  it("is never a backup that exists", () => {
    const damaged: DomainEvent[] = [
      event("BackupStarted", { backupId: "b", kind: "full", purpose: "manual" }),
      event("BackupCompleted", {
        backupId: "b",
        bytes: 1,
        storedBytes: 1,
        sha256: "00",
        fingerprint: "sha256:f",
        rows: {},
        applied: [],
        incarnation: "i-1",
        durationMs: 1,
      }),
      event("BackupVerificationFailed", {
        backupId: "b",
        error: { code: "backup-damaged", message: "x" },
      }),
    ];
    assert.deepEqual(left(given(...registered, ...damaged, ...anotherRun)), []);
  });
});
