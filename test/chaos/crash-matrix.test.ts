import assert from "node:assert/strict";
import { assertConsistent } from "../support/chaos/assert-consistent.ts";
import type { CrashPoint } from "../support/chaos/crash-service.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { play, type Story } from "../support/chaos/stories.ts";
import type { World } from "../support/chaos/world.ts";
import type { EventType } from "../../src/domain/events.ts";

/** The points of the engine at which an executor dies; those of the short form first. */
const EXECUTOR_POINTS: readonly (readonly [story: Story, point: string])[] = [
  ["register", "install-done"],
  ["migrate", "before-begin"],
  ["migrate", "after-begin"],
  ["migrate", "statement:2"],
  ["migrate", "after-marker"],
  ["migrate", "after-commit"],
  ["restore", "restore-before-copy"],
  ["restore", "restore-after-copy"],
  ["migrate", "statement:1"],
  ["migrate", "statement:3"],
  ["migrate", "after-statements"],
  ["rollBack", "after-marker"],
  ["rollBack", "after-commit"],
];

/** The events before or after whose append the service dies; those of the short form first. */
const SERVICE_POINTS: readonly (readonly [Story, CrashPoint["when"], EventType])[] = [
  ["register", "after", "DatabaseRegistered"],
  ["migrate", "after", "RunRequested"],
  ["migrate", "after", "RunStarted"],
  ["migrate", "before", "BackupCompleted"],
  ["migrate", "after", "StepStarted"],
  ["migrate", "before", "StepApplied"],
  ["restore", "after", "RestoreStarted"],
  ["restore", "before", "RestoreCompleted"],
  ["register", "before", "DatabaseRegistered"],
  ["register", "before", "SchemaBaselined"],
  ["register", "after", "SchemaBaselined"],
  ["migrate", "before", "RunRequested"],
  ["migrate", "before", "RunStarted"],
  ["migrate", "after", "BackupCompleted"],
  ["migrate", "before", "StepStarted"],
  ["migrate", "after", "StepApplied"],
  ["migrate", "before", "IntegrityCheckStarted"],
  ["migrate", "after", "IntegrityCheckStarted"],
  ["migrate", "before", "RunCompleted"],
  ["migrate", "after", "RunCompleted"],
  ["rollBack", "before", "StepReverted"],
  ["rollBack", "after", "StepReverted"],
  ["restore", "before", "RestoreRequested"],
  ["restore", "after", "RestoreRequested"],
  ["restore", "before", "BackupStarted"],
  ["restore", "after", "BackupStarted"],
  ["restore", "before", "RestoreStarted"],
  ["restore", "after", "RestoreCompleted"],
  ["check", "before", "IntegrityCheckStarted"],
  ["check", "after", "IntegrityCheckStarted"],
  ["check", "before", "IntegrityCheckCompleted"],
  ["check", "after", "IntegrityCheckCompleted"],
];

/** Points in the short form, of each kind. */
const SHORT = 8;

/** Plays the story on a service that dies at the point; nothing else may end it. */
async function crash(world: World, story: Story, point: CrashPoint): Promise<void> {
  const service = await world.spawn({ crash: point });
  await play(story, world, service.api);
  const { signal } = await service.ended;
  assert.equal(signal, "SIGKILL", `it did not pass ${point.type}: ${service.stderr}`);
}

describe("Crash matrix", function () {
  this.timeout(60_000);
  const { inBothModes, inTurn, whenLong } = eachMode();

  for (const [n, [story, point]] of EXECUTOR_POINTS.entries())
    (n < SHORT ? inBothModes : whenLong)(`executor dies at ${point} (${story})`, async (world) => {
      const service = await world.serve({ executor: { spare: 0, fault: `${point}:kill` } });
      await play(story, world, service.api);
      await service.close();
      await assertConsistent(world);
    });

  for (const [n, [story, when, type]] of SERVICE_POINTS.entries())
    (n < SHORT ? inTurn : whenLong)(`service dies ${when} ${type} (${story})`, async (world) => {
      await crash(world, story, { when, type });
      await assertConsistent(world);
    });
});
