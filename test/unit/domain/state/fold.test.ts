import assert from "node:assert/strict";
import type { DomainEvent } from "../../../../src/domain/events.ts";
import { fold } from "../../../../src/domain/state/fold.ts";
import { emptyState } from "../../../../src/domain/state/state.ts";
import {
  applied,
  event,
  facts,
  given,
  migration,
  recorded,
  registered,
  runRequested,
  SHOP,
  stepApplied,
  stepStarted,
} from "../../../support/history.ts";

const backup = (backupId: string, versions: string[], runId?: string): DomainEvent[] => [
  event("BackupStarted", {
    backupId,
    kind: "full",
    purpose: "run",
    ...(runId === undefined ? {} : { runId }),
  }),
  event("BackupCompleted", {
    backupId,
    bytes: 1,
    storedBytes: 1,
    sha256: "00",
    fingerprint: "sha256:f",
    rows: { t: 3 },
    applied: versions,
    incarnation: "i-1",
    durationMs: 1,
  }),
  event("BackupVerified", {
    backupId,
    quickCheck: "ok",
    fingerprint: "sha256:f",
    tables: 1,
    rows: 3,
    durationMs: 1,
  }),
];

const contradicts = (...events: DomainEvent[]): void =>
  assert.throws(() => given(...events), { code: "fold-contradiction" });

describe("the fold of the ledger's state", () => {
  it("applies a step with who, when and which event", () => {
    const { shop, runs } = given(...registered, migration("1"), ...applied("r", "1"));
    const one = shop.migrations.get("1")!;
    assert.equal(one.state, "applied");
    assert.equal(one.applied?.runId, "r");
    assert.equal(one.applied?.index, 6);
    assert.equal(shop.fingerprint, "sha256:after-1");
    assert.equal(shop.openAttempts.size, 0);
    assert.equal(shop.openRuns.size, 0);
    assert.equal(runs.get("r")?.status, "succeeded");
    assert.equal(runs.get("r")?.outcome, "applied");
  });

  it("keeps an attempt open until its one outcome", () => {
    const { shop } = given(
      ...registered,
      migration("1"),
      runRequested("r", ["1"]),
      stepStarted("r", "1"),
    );
    assert.deepEqual([...shop.openAttempts.keys()], ["r-1-up"]);
  });

  it("refuses a second outcome", () => {
    contradicts(
      ...registered,
      migration("1"),
      runRequested("r", ["1"]),
      stepStarted("r", "1"),
      stepApplied("r", "1"),
      stepApplied("r", "1"),
    );
  });

  it("refuses an outcome without intent, an unknown run, a second registration", () => {
    contradicts(...registered, migration("1"), runRequested("r", ["1"]), stepApplied("r", "1"));
    contradicts(...registered, migration("1"), stepStarted("nobody", "1"));
    contradicts(...registered, migration("1"), migration("1"));
    contradicts(...registered, ...registered);
    contradicts(migration("1"));
  });

  it("refuses a gap", () => {
    const [first, , third] = recorded([...registered, migration("1")]);
    const state = emptyState();
    fold(state, first!);
    assert.throws(() => fold(state, third!), { code: "fold-contradiction" });
  });

  it("leaves a step applied when its down fails within the run that applied it", () => {
    const { shop, runs } = given(
      ...registered,
      migration("1"),
      runRequested("r", ["1"]),
      stepStarted("r", "1"),
      stepApplied("r", "1"),
      stepStarted("r", "1", "down"),
      event("StepFailed", {
        runId: "r",
        attempt: "r-1-down",
        version: "1",
        direction: "down",
        error: { code: "sql-error", message: "no" },
        state: "unchanged",
        findings: [],
      }),
    );
    assert.equal(runs.get("r")?.steps[0]?.status, "applied");
    assert.equal(shop.migrations.get("1")?.state, "applied");
  });

  it("reverts with a down step", () => {
    const { shop } = given(
      ...registered,
      migration("1"),
      ...applied("r", "1"),
      runRequested("b", ["1"], "rollback"),
      stepStarted("b", "1", "down"),
      event("StepReverted", {
        runId: "b",
        attempt: "b-1-down",
        version: "1",
        direction: "down",
        ...facts("sha256:after-1", "sha256:before-1"),
      }),
    );
    assert.equal(shop.migrations.get("1")?.state, "reverted");
    assert.equal(shop.fingerprint, "sha256:before-1");
  });

  it("takes a restore's word for what is applied, and ends a quarantine with it", () => {
    const { shop, left } = given(
      ...registered,
      migration("1"),
      migration("2"),
      ...applied("r", "1"),
      ...backup("b", ["1"]),
      ...applied("s", "2"),
      event("DatabaseQuarantined", { code: "diverged", reason: "x" }),
      event("RestoreRequested", { restoreId: "x", backupId: "b", reason: "y" }),
      event("RestoreStarted", {
        restoreId: "x",
        backupId: "b",
        safetyBackupId: null,
        incarnation: "i-2",
        reason: "y",
      }),
      event("RestoreCompleted", {
        restoreId: "x",
        backupId: "b",
        incarnation: "i-2",
        fingerprint: "sha256:after-1",
        schema: [],
        applied: ["1"],
        rowsBefore: {},
        rowsAfter: {},
        durationMs: 1,
      }),
    );
    assert.equal(shop.migrations.get("1")?.state, "applied");
    assert.equal(shop.migrations.get("2")?.state, "reverted");
    assert.equal(shop.incarnation, "i-2");
    assert.equal(shop.quarantine, null);
    assert.equal(shop.openRestores.size, 0);
    assert.equal(left.find(({ kind }) => kind === "restores")?.entity.status, "succeeded");
    assert.equal(shop.lastBackup, "b");
  });

  it("never chooses a damaged backup again", () => {
    const { shop, backups } = given(
      ...registered,
      ...backup("b", []),
      event("BackupVerificationFailed", {
        backupId: "b",
        error: { code: "backup-damaged", message: "x" },
      }),
    );
    assert.equal(shop.lastBackup, null);
    assert.equal(backups.get("b")?.status, "damaged");
  });

  it("counts the events of each stream", () => {
    const state = given(...registered, migration("1"));
    assert.equal(state.databases.get(SHOP)?.streamVersion, 3);
    assert.equal(state.size, 3);
  });
});
