import assert from "node:assert/strict";
import { assertConsistent } from "../support/chaos/assert-consistent.ts";
import type { CrashOrder } from "../support/chaos/crash-service.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { play } from "../support/chaos/stories.ts";
import type { World } from "../support/chaos/world.ts";

type Order = Pick<CrashOrder, "crash" | "fault">;

/** Ways in which a recovery ends before it is done: the service dies, or its executor. */
const DEATHS: readonly (readonly [title: string, order: Order])[] = [
  ["service before RecoveryStarted", { crash: { when: "before", type: "RecoveryStarted" } }],
  ["service after RecoveryStarted", { crash: { when: "after", type: "RecoveryStarted" } }],
  ["executor at recovery-locked", { fault: "recovery-locked:kill" }],
  ["executor at recovery-fenced", { fault: "recovery-fenced:kill" }],
  ["service before RunFailed", { crash: { when: "before", type: "RunFailed" } }],
  ["service after RunFailed", { crash: { when: "after", type: "RunFailed" } }],
];

/** What recovery finds: an attempt that was not begun, and one that was committed. */
const FOUND: readonly (readonly [outcome: string, order: Order])[] = [
  ["StepAborted", { crash: { when: "after", type: "StepStarted" } }],
  ["StepApplied", { crash: { when: "before", type: "StepApplied" } }],
];

async function dieInRecovery(world: World, order: Order): Promise<void> {
  const service = await world.spawn(order);
  if (order.crash !== undefined) {
    const { signal } = await service.ended;
    assert.equal(signal, "SIGKILL", service.stderr);
    return;
  }
  // The executor died: the service says so, and refuses to go on blindly.
  const events = await service.api.until((all) =>
    all.some(({ type }) => type === "DatabaseQuarantined"),
  );
  const locked = events.findLast(({ type }) => type === "DatabaseQuarantined");
  assert.equal(locked?.data["code"], "recovery-failed");
  await service.kill();
}

describe("Crashes inside recovery", function () {
  this.timeout(60_000);
  const { inTurn, whenLong } = eachMode();

  for (const [n, [title, order]] of DEATHS.entries())
    for (const [m, [outcome, first]] of FOUND.entries()) {
      // The short form takes a death of the service and one of the executor.
      const declare = (n === 1 && m === 0) || (n === 3 && m === 1) ? inTurn : whenLong;
      declare(`twice: ${title}, then finds ${outcome}`, async (world) => {
        const service = await world.spawn(first);
        await play("migrate", world, service.api);
        assert.equal((await service.ended).signal, "SIGKILL", service.stderr);
        await dieInRecovery(world, order);
        // An end that is recorded leaves nothing to recover: then the second start is quiet.
        if (!title.endsWith("after RunFailed")) await dieInRecovery(world, order);
        const { events, runs } = await assertConsistent(world);
        assert.equal(runs[0]?.error?.code, "interrupted");
        assert.equal(
          events.filter(({ type }) => type === outcome).length,
          outcome === "StepAborted" ? 1 : 3,
        );
      });
    }
});
