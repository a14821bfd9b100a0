import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { assertConsistent } from "../support/chaos/assert-consistent.ts";
import type { RunView } from "../support/chaos/api.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { gone } from "../support/chaos/service-child.ts";
import { isGone } from "../support/chaos/stories.ts";
import type { World } from "../support/chaos/world.ts";

/** Long enough for a recovery that does not wait for the lock to decide wrongly, ms. */
const HOLD_MS = 600;

/** A run whose executor stands still at the point, and whose service is dead. Returns its pid. */
async function orphanAt(world: World, point: string): Promise<number> {
  const service = await world.spawn({ fault: `${point}:stop` });
  const run = service.api.run("app").catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
  const pid = await service.stoppedExecutor();
  await service.kill();
  await run;
  return pid;
}

async function resume(pid: number): Promise<void> {
  process.kill(pid, "SIGCONT");
  await gone(pid);
}

describe("Paused executors", function () {
  this.timeout(60_000);
  const { inTurn, whenLong } = eachMode();

  inTurn("one that wakes up after recovery writes nothing", async (world) => {
    const pid = await orphanAt(world, "before-begin");
    const { events, applied } = await assertConsistent(world);
    assert.equal(applied, "1,2");
    assert.equal(events.filter(({ type }) => type === "StepAborted").length, 1);
    const before = own(world);
    await resume(pid);
    assert.deepEqual(own(world), before);
    await assertConsistent(world);
  });

  // Past the marker the resumed one commits, unless it hears first that its service is gone.
  for (const [point, possible, declare] of [
    ["after-begin", { StepAborted: "1,2" }, whenLong],
    ["after-marker", { StepAborted: "1,2", StepApplied: "1,2,3" }, inTurn],
  ] as const)
    declare(`recovery waits for one that holds the lock ${point}`, async (world) => {
      const pid = await orphanAt(world, point);
      const service = await world.serve();
      await delay(HOLD_MS);
      const events = await service.api.events();
      const intent = events.findLast(({ type }) => type === "StepStarted")!;
      const decided = events
        .slice(intent.index + 1)
        .filter(({ type }) => type !== "ServiceStarted");
      assert.deepEqual(decided, [], "it decided without the lock");
      const { items } = await service.api.need(
        service.api.get<{ items: RunView[] }>("/v1/runs?status=running"),
      );
      assert.equal(items.length, 1);
      await resume(pid);
      await service.api.until((all) => all.some(({ type }) => type === "RunFailed"));
      const found = (await service.api.events()).find(
        ({ data, index }) => index > intent.index && data["attempt"] === intent.data["attempt"],
      );
      const applied = new Map(Object.entries(possible)).get(found?.type ?? "");
      assert.ok(applied !== undefined, found?.type);
      assert.equal(found?.data["recovered"], true);
      await service.close();
      assert.equal((await assertConsistent(world)).applied, applied);
    });

  inTurn("recovery asks again for a lock that is held longer than it waits", async (world) => {
    const pid = await orphanAt(world, "after-begin");
    const service = await world.serve({ recoveryLockTimeoutMs: 100 });
    await delay(HOLD_MS);
    await resume(pid);
    await service.api.until((all) => all.some(({ type }) => type === "RunFailed"));
    await service.close();
    assert.deepEqual(service.log, []);
    await assertConsistent(world);
  });
});

/** Fence and markers, as the database has them. */
function own(world: World): unknown {
  return world.foreign((db) => [
    db.prepare("SELECT * FROM schemaledger_meta").all(),
    db.prepare("SELECT * FROM schemaledger_marker ORDER BY attempt, phase").all(),
  ]);
}
