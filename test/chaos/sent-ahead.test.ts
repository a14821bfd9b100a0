import assert from "node:assert/strict";
import type { Api, RunView } from "../support/chaos/api.ts";
import { assertConsistent, type Facts } from "../support/chaos/assert-consistent.ts";
import type { CrashPoint } from "../support/chaos/crash-service.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { isGone } from "../support/chaos/stories.ts";
import { expectedContents, MIGRATIONS } from "../support/chaos/story.ts";

/** Brief steps, every other one of which changes the schema: several are sent together. */
const VERSIONS = Array.from({ length: 24 }, (_, n) => `2.${n + 1}`);
const BRIEF = VERSIONS.map((version, n) => ({
  version,
  name: `brief ${version}`,
  up:
    n % 2 === 0
      ? `CREATE TRIGGER brief_${n} AFTER DELETE ON item WHEN old.n < 0 BEGIN SELECT 1; END`
      : "UPDATE item SET n = n + 0 WHERE id = 1",
}));

const CONTENTS = expectedContents([...MIGRATIONS.slice(0, 2), ...BRIEF]);

async function run(api: Api): Promise<void> {
  await api.need(api.post("/v1/databases/app/migrations", { migrations: BRIEF }));
  try {
    await api.run("app", { to: VERSIONS.at(-1)!, rehearse: false });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

interface Change {
  readonly change: string;
  readonly name: string;
}

/** Whoever recorded an outcome, it says what its own script did, and no other's. */
function assertOwnChanges({ events }: Facts): number {
  const applied = events.filter(
    ({ type, data }) => type === "StepApplied" && VERSIONS.includes(String(data["version"])),
  );
  let fingerprint: unknown;
  for (const { data } of applied) {
    const n = VERSIONS.indexOf(String(data["version"]));
    const changes = (data["schemaChanges"] as readonly Change[]).map(
      ({ change, name }) => `${change} ${name}`,
    );
    assert.deepEqual(changes, n % 2 === 0 ? [`added brief_${n}`] : [], `version 2.${n + 1}`);
    assert.deepEqual(data["findings"], []);
    if (fingerprint !== undefined) assert.equal(data["fingerprintBefore"], fingerprint);
    fingerprint = data["fingerprintAfter"];
  }
  return applied.filter(({ data }) => data["recovered"]).length;
}

/** An intent is on record before its step began; more than one can be open. */
function assertOrder({ events }: Facts): void {
  let open = 0;
  let most = 0;
  for (const { type } of events) {
    if (type === "StepStarted") open += 1;
    if (type === "StepApplied") open -= 1;
    assert.ok(open >= 0);
    most = Math.max(most, open);
  }
  assert.ok(most > 2, `no more than ${most} steps were sent ahead`);
}

describe("Steps that are sent ahead", function () {
  this.timeout(60_000);
  const { inBothModes, inTurn, whenLong } = eachMode();

  inBothModes("are recorded in order", async (world) => {
    const service = await world.serve();
    await run(service.api);
    await service.close();
    const facts = await assertConsistent(world, CONTENTS);
    assert.equal(facts.applied, ["1,2", ...VERSIONS].join(","));
    assertOrder(facts);
    assert.equal(assertOwnChanges(facts), 0);
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
    await assertConsistent(world, CONTENTS);
  });

  for (const [n, fault] of [
    "after-marker",
    "after-commit",
    "before-begin",
    "after-begin",
  ].entries())
    (n < 2 ? inBothModes : whenLong)(`executor dies at ${fault} of the sixth`, async (world) => {
      const service = await world.serve({ executor: { spare: 0, fault: `${fault}:kill:6` } });
      await run(service.api);
      await service.close();
      assertOwnChanges(await assertConsistent(world, CONTENTS));
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
      assertOwnChanges(await assertConsistent(world, CONTENTS));
    });
});
