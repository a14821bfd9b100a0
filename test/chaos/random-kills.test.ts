import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { assertConsistent } from "../support/chaos/assert-consistent.ts";
import { extent } from "../support/chaos/extent.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { isGone } from "../support/chaos/stories.ts";
import type { World } from "../support/chaos/world.ts";

/** Rounds in each journal mode. */
const ROUNDS = extent(6, 100);
/** A run of three steps takes about this long when two of them share two cores, ms. */
const SPAN = 700;

/** Lets a run begin and kills the service, or its executors, after `ms`. */
async function strike(world: World, victim: "service" | "executor", ms: number): Promise<void> {
  const service = await world.spawn();
  const run = service.api.run("app", {}).catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
  await delay(ms);
  if (victim === "executor") {
    for (const pid of service.executors()) process.kill(pid, "SIGKILL");
    await run;
  }
  await service.kill();
  await run;
}

describe("Kills at random times", function () {
  this.timeout(60_000);
  const { inBothModes } = eachMode();

  for (let round = 0; round < ROUNDS; round++) {
    const victim = round % 3 === 2 ? "executor" : "service";
    // Spread over the whole run, with chance inside each slot: no span is left out.
    const ms = Math.round((SPAN * (round + Math.random())) / ROUNDS);
    inBothModes(`${victim} after ${ms} ms`, async (world) => {
      await strike(world, victim, ms);
      const { runs } = await assertConsistent(world);
      for (const { status } of runs) assert.ok(["succeeded", "failed"].includes(status), status);
    });
  }
});
