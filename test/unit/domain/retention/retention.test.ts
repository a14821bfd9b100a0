import assert from "node:assert/strict";
import fc from "fast-check";
import {
  hasRules,
  planRetention,
  type Holds,
  type Retention,
} from "../../../../src/domain/retention/retention.ts";
import type { BackupState } from "../../../../src/domain/state/state.ts";

const NO_HOLDS: Holds = { all: false, held: new Set(), inUse: new Set() };
const HOUR = 3_600_000;

let index = 0;
const backup = (time: string, more: Partial<BackupState> = {}): BackupState => {
  const happened = { index: index++, time, actor: "a" };
  return {
    id: `b${happened.index}`,
    databaseId: "d",
    kind: "full",
    purpose: "manual",
    tables: undefined,
    runId: undefined,
    started: happened,
    status: "verified",
    facts: null,
    completed: happened,
    verified: happened,
    verification: null,
    pruned: null,
    error: null,
    ...more,
  };
};

/** One backup every so many hours, oldest first, ending at a Wednesday. */
const every = (hours: number, count: number): BackupState[] =>
  Array.from({ length: count }, (_, n) =>
    backup(new Date(Date.UTC(2026, 6, 15, 12) - (count - 1 - n) * hours * HOUR).toISOString()),
  );

const keptOf = (retention: Retention, backups: readonly BackupState[], holds = NO_HOLDS) =>
  planRetention(retention, backups, holds)
    .filter(({ pruned }) => pruned === null)
    .map(({ backup: { completed } }) => completed!.time.slice(0, 13));

describe("the plan of what is kept", () => {
  it("keeps the newest", () => {
    const kept = keptOf({ keepLast: 3 }, every(1, 10));
    assert.deepEqual(kept, ["2026-07-15T10", "2026-07-15T11", "2026-07-15T12"]);
  });

  it("keeps the newest of each day, week and month that has one", () => {
    assert.deepEqual(keptOf({ daily: 3 }, every(6, 20)), [
      "2026-07-13T18",
      "2026-07-14T18",
      "2026-07-15T12",
    ]);
    // Weeks begin on Monday: the 12th is a Sunday.
    assert.deepEqual(keptOf({ weekly: 2 }, every(24, 30)), ["2026-07-12T12", "2026-07-15T12"]);
    assert.deepEqual(keptOf({ monthly: 3 }, every(24, 60)), [
      "2026-05-31T12",
      "2026-06-30T12",
      "2026-07-15T12",
    ]);
  });

  it("counts only verified full backups, and lets go of the others when they are old", () => {
    const [old, newest] = every(48, 2) as [BackupState, BackupState];
    const table = backup("2026-07-14T00:00:00.000Z", { kind: "table", started: old.started });
    const damaged = backup("2026-07-14T01:00:00.000Z", { status: "damaged", started: old.started });
    const later = backup("2026-07-15T13:00:00.000Z", { status: "completed" });
    const failed = backup("2026-07-15T14:00:00.000Z", { status: "failed" });
    const plan = planRetention(
      { keepLast: 1 },
      [old, table, damaged, newest, later, failed],
      NO_HOLDS,
    );
    assert.deepEqual(
      plan.map(({ kept, pruned }) => pruned ?? kept.join()),
      ["not-retained", "superseded", "damaged", "last-verified,keep-last", "newer-than-kept"],
    );
  });

  it("lets nothing go that is held or in use", () => {
    const backups = every(1, 4);
    const [first, second] = backups as [BackupState, BackupState];
    const holds = { all: false, held: new Set([first.id]), inUse: new Set([second.id]) };
    assert.equal(keptOf({ keepLast: 1 }, backups, holds).length, 3);
    assert.equal(keptOf({ keepLast: 1 }, backups, { ...NO_HOLDS, all: true }).length, 4);
  });

  it("needs a rule", () => {
    assert.equal(hasRules({ minVerified: 3, cleanupAfterSuccess: true, keepLast: 0 }), false);
    assert.equal(hasRules({ monthly: 1 }), true);
  });

  it("never lets the last verified ones go, whatever the rules and the states", () => {
    const states = fc.constantFrom("verified", "completed", "damaged", "failed", "running");
    const kinds = fc.constantFrom("full", "table", "raw");
    const some = fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined });
    const rules = fc.record({
      keepLast: some,
      daily: some,
      weekly: some,
      monthly: some,
      minVerified: some,
    });
    const history = fc.array(fc.tuple(states, kinds, fc.integer({ min: 0, max: 2000 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(rules, history, (retention, made) => {
        const backups = made.map(([status, kind, hours]) =>
          backup(new Date(Date.UTC(2026, 0, 1) + hours * HOUR).toISOString(), {
            status,
            kind,
          } as Partial<BackupState>),
        );
        const plan = planRetention(retention as Retention, backups, NO_HOLDS);
        const isGood = ({ status, kind }: BackupState) => status === "verified" && kind === "full";
        const good = backups.filter(isGood).length;
        const left = plan.filter(
          ({ pruned, backup: one }) => pruned === null && isGood(one),
        ).length;
        assert.ok(left >= Math.min(good, Math.max(1, retention.minVerified ?? 1)));
        assert.ok(
          plan.every(({ backup: one, pruned }) => one.status !== "running" || pruned === null),
        );
      }),
    );
  });
});
