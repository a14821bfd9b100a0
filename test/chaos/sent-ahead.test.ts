import assert from "node:assert/strict";
import type { Api, RunView } from "../support/chaos/api.ts";
import { assertConsistent, type Facts } from "../support/chaos/assert-consistent.ts";
import type { CrashPoint } from "../support/chaos/crash-service.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { isGone } from "../support/chaos/stories.ts";
import { expectedContents } from "../support/chaos/story.ts";

/** Brief steps that change nothing but the marker: each is sent while the one before it runs. */
const VERSIONS = Array.from({ length: 8 }, (_, n) => `2.${n + 1}`);
const BRIEF = VERSIONS.map((version) => ({
  version,
  name: `brief ${version}`,
  up: "UPDATE item SET n = n + 0 WHERE id = 1",
}));

/** The story's contents, with any number of the brief versions applied. */
function contents(): ReadonlyMap<string, string> {
  const all = new Map(expectedContents());
  for (const n of VERSIONS.keys())
    all.set(["1,2", ...VERSIONS.slice(0, n + 1)].join(","), all.get("1,2")!);
  return all;
}

async function run(api: Api): Promise<void> {
  await api.need(api.post("/v1/databases/app/migrations", { migrations: BRIEF }));
  try {
    await api.run("app", { to: VERSIONS.at(-1)!, rehearse: false });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Never two steps are in the database that the ledger does not know of. */
function assertOneRecovered({ events }: Facts, steps: number): void {
  const applied = events.filter(({ type, data }) => type === "StepApplied" && data["recovered"]);
  assert.ok(applied.length <= 1, `${applied.length} steps were found applied by recovery`);
  const started = events.filter(({ type }) => type === "StepStarted").length - 2;
  assert.ok(started >= steps, `only ${started} steps were started`);
}

/** The outcome of a step is on record before the next commits, and its intent before it began. */
function assertOrder({ events }: Facts): void {
  const attempts = events.flatMap(({ type, data }) =>
    type === "StepStarted" ? [data["attempt"]] : [],
  );
  const at = (type: string, attempt: unknown): number =>
    events.findIndex((event) => event.type === type && event.data["attempt"] === attempt);
  const ahead = attempts.filter(
    (attempt, n) => n > 0 && at("StepStarted", attempt) < at("StepApplied", attempts[n - 1]),
  );
  assert.ok(ahead.length > 0, "no step was sent ahead");
  for (const [n, attempt] of attempts.entries())
    if (n > 1) assert.ok(at("StepApplied", attempts[n - 2]) < at("StepStarted", attempt));
}

describe("Steps that are sent ahead", function () {
  this.timeout(60_000);
  const { inBothModes, inTurn, whenLong } = eachMode();

  inBothModes("are recorded in order", async (world) => {
    const service = await world.serve();
    await run(service.api);
    await service.close();
    const facts = await assertConsistent(world, contents());
    assert.equal(facts.applied, ["1,2", ...VERSIONS].join(","));
    assertOrder(facts);
  });

  inTurn("leave no intent open when the run is cancelled among them", async (world) => {
    const { api, close } = await world.serve();
    await api.need(api.post("/v1/databases/app/migrations", { migrations: BRIEF }));
    const { id } = await api.need(
      api.post<RunView>("/v1/databases/app/runs", { to: VERSIONS.at(-1)!, rehearse: false }),
    );
    await api.until((all) => all.filter(({ type }) => type === "StepStarted").length > 4);
    // The run may have ended by now: then there is nothing to cancel.
    await api.post(`/v1/runs/${id}/cancel`, { reason: "test" });
    await close();
    await assertConsistent(world, contents());
  });

  for (const [n, fault] of [
    "after-marker",
    "after-commit",
    "before-begin",
    "after-begin",
  ].entries())
    (n < 2 ? inBothModes : whenLong)(`executor dies at ${fault} of the fourth`, async (world) => {
      const service = await world.serve({ executor: { spare: 0, fault: `${fault}:kill:4` } });
      await run(service.api);
      await service.close();
      const facts = await assertConsistent(world, contents());
      assertOneRecovered(facts, 4);
    });

  const points: readonly CrashPoint[] = [
    { when: "before", type: "StepApplied", nth: 3 },
    { when: "after", type: "StepApplied", nth: 3 },
    { when: "before", type: "StepStarted", nth: 4 },
    { when: "after", type: "StepStarted", nth: 5 },
  ];
  for (const [n, { when, type, nth = 1 }] of points.entries())
    (n < 2 ? inTurn : whenLong)(`service dies ${when} ${type} number ${nth}`, async (world) => {
      const service = await world.spawn({ crash: { when, type, nth } });
      await run(service.api);
      assert.equal((await service.ended).signal, "SIGKILL", service.stderr);
      assertOneRecovered(await assertConsistent(world, contents()), 3);
    });
});
