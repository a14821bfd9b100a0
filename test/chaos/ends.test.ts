import assert from "node:assert/strict";
import { assertConsistent } from "../support/chaos/assert-consistent.ts";
import type { Api, RunView } from "../support/chaos/api.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { RUNAWAY, SLOW, contentsWithSlow } from "../support/chaos/slow.ts";
import { isGone } from "../support/chaos/stories.ts";
import type { World } from "../support/chaos/world.ts";

const contents = contentsWithSlow();

/** Starts a run of the version and waits until its step, or its rehearsal, is under way. */
async function begin(api: Api, migration: object, rehearse: boolean): Promise<string> {
  await api.need(api.post("/v1/databases/app/migrations", { migrations: [migration] }));
  const { id } = await api.need(
    api.post<RunView>("/v1/databases/app/runs", { to: "2.5", rehearse }),
  );
  const sign = rehearse ? "BackupCompleted" : "StepStarted";
  await api.until((all) => all.some(({ type, runId }) => type === sign && runId === id));
  return id;
}

/** A service that is stopping refuses what comes too late. */
const isStopping = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith("Answered 503");

/** Throws unless another connection can write at once. */
const lockIsFree = (world: World): void =>
  world.foreign((db) => {
    db.pragma("busy_timeout = 0");
    db.exec("BEGIN IMMEDIATE; ROLLBACK");
  });

describe("Ends of a run", function () {
  this.timeout(60_000);
  const { inTurn, whenLong } = eachMode();

  for (const rehearse of [false, true])
    inTurn(
      `cancel ends a statement without end (${rehearse ? "rehearsal" : "step"})`,
      async (world) => {
        const { api, close } = await world.serve();
        const id = await begin(api, RUNAWAY, rehearse);
        const cancelled = await api.post<RunView>(`/v1/runs/${id}/cancel`, { reason: "test" });
        assert.equal(cancelled.status, 202);
        assert.equal(cancelled.body.status, "cancelled");
        assert.equal(cancelled.body.outcome, "untouched");
        lockIsFree(world);
        await close();
        assert.equal((await assertConsistent(world, contents)).applied, "1,2");
      },
    );

  for (const rehearse of [false, true])
    inTurn(
      `the policy's time limit ends a statement without end (${rehearse ? "rehearsal" : "step"})`,
      async (world) => {
        const { api, close } = await world.serve();
        await api.need(api.patch("/v1/databases/app/policy", { stepTimeoutMs: 300 }));
        const run = await api.ended(await begin(api, RUNAWAY, rehearse));
        assert.equal(run.status, "failed");
        assert.equal(run.error?.code, "step-timeout");
        assert.equal(run.outcome, "untouched");
        lockIsFree(world);
        await close();
        assert.equal((await assertConsistent(world, contents)).applied, "1,2");
      },
    );

  whenLong("a value larger than the engine can hold fails the step alone", async (world) => {
    const { api, close } = await world.serve();
    const up = "UPDATE item SET label = hex(zeroblob(1000000001)) WHERE id = 1;";
    const hog = { version: "2.5", name: "hog", up };
    const run = await api.ended(await begin(api, hog, false));
    assert.equal(run.error?.code, "statement-failed");
    assert.equal(run.outcome, "untouched");
    await close();
    await assertConsistent(world, contents);
  });

  inTurn("SIGTERM lets a step end and the next start ends the run", async (world) => {
    const service = await world.spawn();
    const id = await begin(service.api, SLOW, false);
    assert.deepEqual(await service.stop(), { code: 0, signal: null });
    const { applied, runs } = await assertConsistent(world, contents);
    assert.equal(applied, "1,2,2.5");
    // After its last step a run is complete but for the check: it may get that far.
    const outcome = runs.find((one) => one.id === id)?.outcome ?? "";
    assert.ok(["kept", "applied"].includes(outcome), outcome);
  });

  inTurn("SIGTERM does not wait for ever", async (world) => {
    const service = await world.spawn({ stopGraceMs: 200 });
    const id = await begin(service.api, RUNAWAY, false);
    assert.deepEqual(await service.stop(), { code: 0, signal: null });
    const { applied, runs, events } = await assertConsistent(world, contents);
    assert.equal(applied, "1,2");
    assert.equal(runs.find((one) => one.id === id)?.outcome, "untouched");
    assert.equal(events.filter(({ type }) => type === "StepAborted").length, 1);
  });

  whenLong("SIGTERM to a service that is asked at the same time", async (world) => {
    const service = await world.spawn();
    const asked = Array.from({ length: 5 }, () =>
      service.api.run("app").catch((error: unknown) => {
        if (!isGone(error) && !isStopping(error)) throw error;
      }),
    );
    assert.deepEqual(await service.stop(), { code: 0, signal: null });
    await Promise.all(asked);
    await assertConsistent(world);
  });
});
