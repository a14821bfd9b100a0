import assert from "node:assert/strict";
import { assertConsistent, type Facts } from "../support/chaos/assert-consistent.ts";
import type { Api } from "../support/chaos/api.ts";
import type { CrashPoint } from "../support/chaos/crash-service.ts";
import { extent } from "../support/chaos/extent.ts";
import { World } from "../support/chaos/world.ts";
import type { EventType } from "../../src/domain/events.ts";
import { MODES, type Mode } from "../support/managed-database.ts";

/** What the service is asked to do while it or its executor is made to die. */
const STORIES = {
  register: async (api: Api, world: World) => {
    await api.post("/v1/databases", {
      name: "other",
      engine: "sqlite",
      url: `${world.root}/other.db`,
      create: true,
    });
  },
  migrate: (api: Api) => api.run("app"),
  rollBack: (api: Api) =>
    api.run("app", { to: "1", strategy: "down", reason: "test" }, "rollbacks"),
  restore: async (api: Api) => {
    const { items } = await api.need(
      api.get<{ items: { id: string; status: string }[] }>("/v1/databases/app/backups"),
    );
    const backupId = items.find(({ status }) => status === "verified")!.id;
    await api.post("/v1/databases/app/restores", { backupId, reason: "test" });
    await api.until((all) => {
      const begun = all.filter(({ type }) => type === "RestoreRequested").length;
      return begun > 0 && begun === all.filter(({ type }) => isRestoreEnd(type)).length;
    });
  },
  check: async (api: Api) => {
    await api.post("/v1/databases/app/integrity-checks", { level: "full" });
    await api.until((all) => all.at(-1)?.type === "IntegrityCheckCompleted");
  },
} as const;
type Story = keyof typeof STORIES;

const isRestoreEnd = (type: string): boolean =>
  type === "RestoreCompleted" || type === "RestoreFailed";

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

/** Every second case in the short form: the other half is run by the long one. */
const chosen = <T>(cases: readonly T[]): readonly T[] =>
  cases.filter((_, i) => extent(i % 2 === 0, true));

async function play(story: Story, world: World, api: Api): Promise<void> {
  try {
    await STORIES[story](api, world);
  } catch (error) {
    // The service died while it was asked: that is what the test is about.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Plays the story on a service that dies at the point; nothing else may end it. */
async function crash(world: World, story: Story, point: CrashPoint): Promise<void> {
  const service = await world.spawn({ crash: point });
  await play(story, world, service.api);
  const { signal } = await service.ended;
  assert.equal(signal, "SIGKILL", `it did not pass ${point.type}: ${service.stderr}`);
}

describe("Crash matrix", function () {
  this.timeout(60_000);
  const worlds = new Map<Mode, World>();

  before(async () => {
    for (const mode of MODES) worlds.set(mode, await World.create(mode));
  });
  after(async () => {
    for (const world of worlds.values()) await world.remove();
  });

  /** Both journal modes side by side, each in its own directory. */
  const inBothModes = (title: string, test: (world: World) => Promise<void>): void => {
    it(title, async () => {
      const ends = await Promise.allSettled(
        MODES.map(async (mode) => {
          const world = worlds.get(mode)!;
          await world.reset();
          await test(world);
        }),
      );
      for (const [i, end] of ends.entries())
        if (end.status === "rejected") {
          const error = end.reason as Error;
          error.message = `${MODES[i]}: ${error.message}`;
          throw error;
        }
    });
  };

  for (const [story, point] of EXECUTOR_POINTS)
    inBothModes(`executor dies at ${point} (${story})`, async (world) => {
      const service = await world.spawn({ fault: `${point}:kill` });
      await play(story, world, service.api);
      const { code } = await service.stop();
      assert.equal(code, 0, service.stderr);
      await assertConsistent(world);
    });

  for (const [story, type] of SERVICE_POINTS)
    for (const when of ["before", "after"] as const)
      inBothModes(`service dies ${when} ${type} (${story})`, async (world) => {
        await crash(world, story, { when, type });
        await assertConsistent(world);
      });
});

