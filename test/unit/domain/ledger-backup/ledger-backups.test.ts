import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Append } from "../../../../src/domain/ledger/ledger.ts";
import {
  LedgerBackups,
  type LedgerBackupParts,
} from "../../../../src/domain/ledger-backup/ledger-backups.ts";
import type { Context } from "../../../../src/domain/shared/actor.ts";

/** Backups of a ledger that cannot be written to, with one run and a clock that goes as fast as it is asked. */
function backupsBeside(run: { status: string }) {
  let now = 0;
  let looks = 0;
  const begun: { readonly type: string; readonly at: number }[] = [];
  const state = {
    ledgerBackups: { due: true, open: null, kept: [] },
    databases: new Map([["d", { openRuns: new Set(["r"]) }]]),
    runs: new Map([["r", run]]),
  };
  const parts = {
    clock: {
      elapsed: () => now,
      sleep: async (ms: number) => {
        now += ms;
        looks += 1;
        await nextTurn();
      },
    },
    ids: { uuid: () => "id" },
    projection: { state, onChange: () => () => {} },
    ledger: {
      append: ({ events }: Append) => {
        begun.push(...events.map(({ type }) => ({ type, at: now })));
        state.ledgerBackups.due = false;
        return Promise.reject(new Error("enough"));
      },
    },
    report: () => {},
    delayMs: 300,
  } as unknown as LedgerBackupParts;
  const stop = new LedgerBackups(parts).start({} as Context);
  return { begun, stop, looks: () => looks };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn();
}

describe("a backup of the ledger", () => {
  it("waits for the end of a run", async () => {
    const run = { status: "running" };
    const { begun, stop, looks } = backupsBeside(run);
    await until(() => looks() > 10);
    assert.equal(begun.length, 0);
    run.status = "succeeded";
    await until(() => begun.length > 0);
    assert.equal(begun[0]!.type, "LedgerBackupStarted");
    await stop();
  });

  it("does not wait longer than a minute", async () => {
    const { begun, stop } = backupsBeside({ status: "running" });
    await until(() => begun.length > 0);
    assert.ok(begun[0]!.at > 60_000 && begun[0]!.at < 61_000, String(begun[0]!.at));
    await stop();
  });

  it("does not wait for runs that wait themselves", async () => {
    const { begun, stop } = backupsBeside({ status: "scheduled" });
    await until(() => begun.length > 0);
    assert.equal(begun[0]!.at, 300);
    await stop();
  });
});
