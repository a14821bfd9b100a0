import assert from "node:assert/strict";
import type { EventType } from "../../src/domain/events.ts";
import { Api, type AuditEvent } from "../support/chaos/api.ts";
import { unsettled } from "../support/chaos/assert-consistent.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { isGone } from "../support/chaos/stories.ts";
import type { World } from "../support/chaos/world.ts";

/** Between the approval and the intent: what people agreed to is not done yet, and not forgotten. */
const EVENTS: readonly (readonly [type: EventType, when: "before" | "after", outcome: string])[] = [
  ["RestoreApproved", "before", "waits"],
  ["RestoreApproved", "after", "succeeded"],
  ["BackupStarted", "after", "succeeded"],
  ["RestoreStarted", "before", "succeeded"],
  // From here on only the database knows; one that was not committed is not begun again by itself.
  ["RestoreStarted", "after", "failed"],
  ["PolicyChanged", "before", "waits"],
  ["PolicyChanged", "after", "succeeded"],
];
const SHORT = new Set(["RestoreApproved after", "RestoreStarted before"]);

interface Waiting {
  readonly id: string;
  readonly planDigest: string;
  readonly status: string;
}

describe("Kills between an approval and what it is for", function () {
  this.timeout(120_000);
  const { inTurn, whenLong } = eachMode();

  /** A policy that asks, a restore and a weaker policy that wait, and whoever may approve. */
  async function prepare(world: World) {
    const { api, close } = await world.serve();
    await api.need(api.patch("/v1/databases/app/policy", { approvals: 1 }));
    const { items } = await api.need(api.get<{ items: { id: string }[] }>("/v1/runs"));
    const order = { beforeRun: items[0]!.id, reason: "test" };
    const restore = await api.need(api.post<Waiting & {}>("/v1/databases/app/restores", order));
    const change = await api.need(
      api.patch<Waiting & {}>("/v1/databases/app/policy", { rehearse: false }),
    );
    const key = { name: "ann", roles: ["approver"] };
    const { token } = await api.need(api.post<{ token: string }>("/v1/keys", key));
    await close();
    return { restore, change, token };
  }

  async function dying(world: World, type: EventType, when: "before" | "after", outcome: string) {
    const { restore, change, token } = await prepare(world);
    const ofPolicy = type === "PolicyChanged";
    const [place, one] = ofPolicy ? ["policy-changes", change] : ["restores", restore];
    const service = await world.spawn({ crash: { when, type } });
    try {
      const ann = new Api(service.api.url, token);
      const { planDigest } = one!;
      await ann.need(
        ann.post(`/v1/${place}/${one!.id}/approvals`, { decision: "approve", planDigest }),
      );
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    assert.equal((await service.ended).signal, "SIGKILL", service.stderr);
    const { api, close } = await world.serve();
    const path = `/v1/${place}/${one!.id}`;
    const shown = await api.need(
      api.get<Waiting>(`${path}${outcome === "waits" ? "" : "?wait=30"}`),
    );
    assert.equal(shown.status, outcome === "waits" ? "awaiting-approval" : outcome);
    const events = await api.events();
    assert.ok(countOf(events, "RestoreStarted") <= 1);
    assert.equal(countOf(events, "RestoreCompleted"), !ofPolicy && outcome === "succeeded" ? 1 : 0);
    const waits = ofPolicy || outcome === "waits";
    const open = unsettled(events).map((what) => what.replace(/ \d+/, ""));
    assert.deepEqual(open, waits ? ["RestoreRequested has 0 outcomes"] : []);
    assert.equal((await api.need(api.post("/v1/ledger/rebuild")))["identical"], true);
    await close();
  }

  /** What is said of a drift is said with the restore's completion, or not at all. */
  async function reverting(world: World, type: EventType, when: "before" | "after", done: boolean) {
    const { api, close } = await world.serve();
    world.foreign((db) => db.exec("CREATE TABLE stranger (x)"));
    await api.need(api.post("/v1/databases/app/drift/checks"));
    await close();
    const service = await world.spawn({ crash: { when, type } });
    try {
      await service.api.post("/v1/databases/app/drift/reversals", { reason: "test" });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    assert.equal((await service.ended).signal, "SIGKILL", service.stderr);
    const after = await world.serve();
    const list = after.api.get<{ items: { id: string }[] }>("/v1/databases/app/restores");
    const { items } = await after.api.need(list);
    await after.api.need(after.api.get(`/v1/restores/${items[0]!.id}?wait=30`));
    const events = await after.api.events();
    assert.deepEqual(unsettled(events), []);
    assert.equal(countOf(events, "RestoreCompleted"), done ? 1 : 0);
    assert.equal(countOf(events, "DriftResolved"), done ? 1 : 0);
    const { drift } = await after.api.need(
      after.api.get<{ drift: object | null }>("/v1/databases/app"),
    );
    assert.equal(drift === null, done);
    await after.close();
  }

  const countOf = (events: readonly AuditEvent[], type: string): number =>
    events.filter((event) => event.type === type).length;

  inTurn("before RestoreCompleted of a reversal: resolved", (world) =>
    reverting(world, "RestoreCompleted", "before", true),
  );
  whenLong("after RestoreCompleted of a reversal: resolved", (world) =>
    reverting(world, "RestoreCompleted", "after", true),
  );
  inTurn("after RestoreRequested of a reversal: not resolved", (world) =>
    reverting(world, "RestoreRequested", "after", false),
  );

  for (const [type, when, outcome] of EVENTS) {
    const declare = SHORT.has(`${type} ${when}`) ? inTurn : whenLong;
    declare(`${when} ${type}: ${outcome}`, (world) => dying(world, type, when, outcome));
  }
});
