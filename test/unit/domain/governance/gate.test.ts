import assert from "node:assert/strict";
import { Gate, type GateParts } from "../../../../src/domain/governance/gate.ts";
import type { DomainEvent } from "../../../../src/domain/events.ts";
import type { Context } from "../../../../src/domain/shared/actor.ts";
import { Conflict } from "../../../../src/domain/shared/errors.ts";
import { CronerCalendar } from "../../../../src/infra/calendar/croner-calendar.ts";
import { event, given, migration, registered, runRequested } from "../../../support/history.ts";

const NOW = "2026-03-01T12:00:00.000Z";

describe("the gate", () => {
  const state = given(...registered, migration("1"), runRequested("r", ["1"]));
  const run = state.runs.get("r")!;
  const database = state.databases.get(run.databaseId)!;
  const recorded: DomainEvent[] = [];
  let others = 0;

  const gate = new Gate({
    projection: { state },
    recorder: {
      record: (_id: string, events: DomainEvent[]) => {
        if (others-- > 0) {
          database.streamVersion += 1;
          return Promise.reject(new Conflict("expected-version-conflict", "moved"));
        }
        recorded.push(...events);
        return Promise.resolve([]);
      },
    },
    calendar: new CronerCalendar(),
    clock: { now: () => NOW },
    report: assert.fail,
  } as unknown as GateParts);

  it("says what a run waits for although others append at the same moment", async () => {
    others = 3;
    database.policy = {
      ...database.policy,
      freezes: [{ from: NOW, to: "2026-03-02T00:00:00.000Z", reason: "audit" }],
    };
    assert.equal(await gate.admit(run, {} as Context), false);
    const data = { runId: "r", at: "2026-03-02T00:00:00.000Z", cause: "freeze" } as const;
    assert.deepEqual(recorded, [event("RunScheduled", data)]);
  });

  it("leaves the decision to the next round where others append without a pause", async () => {
    others = 1000;
    recorded.length = 0;
    assert.equal(await gate.admit(run, {} as Context), false);
    assert.deepEqual(recorded, []);
  });
});
