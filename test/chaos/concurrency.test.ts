import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { assertConsistent } from "../support/chaos/assert-consistent.ts";
import type { AuditEvent, RunView } from "../support/chaos/api.ts";
import { extent } from "../support/chaos/extent.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { MIGRATIONS } from "../support/chaos/story.ts";

const OUTCOMES = new Set(["StepApplied", "StepReverted", "StepFailed", "StepAborted"]);

/**
 * Throws unless steps of a database end in the order in which they began, none begins within another
 * run's, and at most one intent is ahead of the step that runs.
 */
function assertOneAtATime(events: readonly AuditEvent[]): void {
  const open = new Map<string, { readonly attempt: unknown; readonly runId: unknown }[]>();
  for (const { type, stream, data, index } of events) {
    const steps = open.get(stream) ?? [];
    open.set(stream, steps);
    const { attempt, runId } = data;
    if (type === "StepStarted") {
      assert.ok(steps.length < 2, `event ${index} begins within another step`);
      for (const other of steps)
        assert.equal(runId, other.runId, `event ${index} begins within another run`);
      steps.push({ attempt, runId });
    }
    if (OUTCOMES.has(type))
      assert.equal(steps.shift()?.attempt, attempt, `event ${index} ends another step`);
  }
}

const isApplied = ({ type }: AuditEvent): boolean => type === "StepApplied";

describe("Concurrency", function () {
  this.timeout(60_000);
  const { inTurn } = eachMode();

  inTurn("20 runs at once apply each version once, one step at a time", async (world) => {
    const { api, close } = await world.serve();
    const runs = await Promise.all(Array.from({ length: 20 }, () => api.run("app")));
    assert.ok(runs.every(({ status }) => status === "succeeded"));
    assert.equal(runs.filter(({ outcome }) => outcome === "applied").length, 1);
    await close();
    const { events, applied } = await assertConsistent(world);
    assert.equal(applied, "1,2,3,4,5");
    assert.equal(events.filter(isApplied).length, 5);
    assertOneAtATime(events);
  });

  inTurn("10 databases at once", async (world) => {
    const { api, close } = await world.serve();
    const names = Array.from({ length: 10 }, (_, i) => `db${i}`);
    const ends = await Promise.all(
      names.map(async (name) => {
        const url = `${world.root}/${name}.db`;
        await api.need(api.post("/v1/databases", { name, engine: "sqlite", url, create: true }));
        const migrations = [
          { version: "1", name: "create", up: "CREATE TABLE t (a); INSERT INTO t VALUES (1);" },
          { version: "2", name: "change", up: "UPDATE t SET a = a + 1;" },
        ];
        await api.need(api.post(`/v1/databases/${name}/migrations`, { migrations }));
        return api.run(name);
      }),
    );
    assert.ok(ends.every(({ outcome }) => outcome === "applied"));
    await close();
    assertOneAtATime((await assertConsistent(world)).events);
  });

  inTurn("one idempotency key sent ten times at once is one run", async (world) => {
    const { api, close } = await world.serve();
    const key = { "idempotency-key": randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => api.post<RunView>("/v1/databases/app/runs", {}, key)),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
    await api.ended(answers[0]!.body.id);
    await close();
    const { events } = await assertConsistent(world);
    assert.equal(events.filter(({ type }) => type === "RunRequested").length, 3);
    assert.equal(events.filter(isApplied).length, MIGRATIONS.length);
  });

  inTurn("a run that is cancelled while it begins ends once", async (world) => {
    const { api, close } = await world.serve();
    for (let round = 0; round < extent(6, 60); round++) {
      const run = await api.need(api.post<RunView>("/v1/databases/app/runs", { to: "3" }));
      await delay(Math.random() * 60);
      await Promise.all(
        [1, 2, 3].map(() => api.post(`/v1/runs/${run.id}/cancel`, { reason: "test" })),
      );
      const { status } = await api.ended(run.id);
      assert.ok(["cancelled", "succeeded"].includes(status), status);
    }
    await close();
    await assertConsistent(world);
  });
});
