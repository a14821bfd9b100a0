import assert from "node:assert/strict";
import { assertConsistent } from "../support/chaos/assert-consistent.ts";
import type { CrashPoint } from "../support/chaos/crash-service.ts";
import { LONG } from "../support/chaos/extent.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { play, type Story } from "../support/chaos/stories.ts";
import type { World } from "../support/chaos/world.ts";
import type { EventType } from "../../src/domain/events.ts";

/** The points of the engine at which an executor dies. */
const EXECUTOR_POINTS: readonly (readonly [story: Story, point: string])[] = [
  ["register", "install-done"],
  ["migrate", "before-begin"],
  ["migrate", "after-begin"],
  ["migrate", "statement:1"],
  ["migrate", "statement:2"],
  ["migrate", "statement:3"],
  ["migrate", "after-statements"],
  ["migrate", "after-marker"],
  ["migrate", "after-commit"],
  ["rollBack", "after-marker"],
  ["rollBack", "after-commit"],
  ["restore", "restore-before-copy"],
  ["restore", "restore-after-copy"],
];

/** The events before and after whose append the service dies. */
const SERVICE_POINTS: readonly (readonly [story: Story, type: EventType])[] = [
  ["register", "DatabaseRegistered"],
  ["register", "SchemaBaselined"],
  ["migrate", "RunRequested"],
  ["migrate", "RunStarted"],
  ["migrate", "BackupCompleted"],
  ["migrate", "StepStarted"],
  ["migrate", "StepApplied"],
  ["migrate", "IntegrityCheckStarted"],
  ["migrate", "RunCompleted"],
  ["rollBack", "StepReverted"],
  ["restore", "RestoreRequested"],
  ["restore", "BackupStarted"],
  ["restore", "RestoreStarted"],
  ["restore", "RestoreCompleted"],
  ["check", "IntegrityCheckStarted"],
  ["check", "IntegrityCheckCompleted"],
];

/** The service dies at each point in the long form; at one side of it, in turn, in the short. */
const sidesOf = (n: number): readonly ("before" | "after")[] =>
  LONG ? ["before", "after"] : [n % 2 === 0 ? "before" : "after"];

/** Plays the story on a service that dies at the point; nothing else may end it. */
async function crash(world: World, story: Story, point: CrashPoint): Promise<void> {
  const service = await world.spawn({ crash: point });
  await play(story, world, service.api);
  const { signal } = await service.ended;
  assert.equal(signal, "SIGKILL", `it did not pass ${point.type}: ${service.stderr}`);
}

describe("Crash matrix", function () {
  this.timeout(60_000);
  const inBothModes = eachMode();

  for (const [story, point] of EXECUTOR_POINTS)
    inBothModes(`executor dies at ${point} (${story})`, async (world) => {
      const service = await world.serve({ executor: { spare: 0, fault: `${point}:kill` } });
      await play(story, world, service.api);
      await service.close();
      await assertConsistent(world);
    });

  for (const [n, [story, type]] of SERVICE_POINTS.entries())
    for (const when of sidesOf(n))
      inBothModes(`service dies ${when} ${type} (${story})`, async (world) => {
        await crash(world, story, { when, type });
        await assertConsistent(world);
      });
});
