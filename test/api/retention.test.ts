import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TestService, type Reply } from "../support/service.ts";

const ABSENT = "0198f3c2-7d3e-7c4b-9a55-0c5b8a1d2e3f";

describe("retention", () => {
  let service: TestService;
  const backups: string[] = [];

  before(async () => {
    service = await TestService.start();
    await service.register("shop");
    for (let n = 0; n < 5; n++) backups.push(await backUp());
  });
  after(() => service.stop());

  const policy = (retention: object | null): Promise<Reply> =>
    service.ask("PATCH", "/v1/databases/shop/policy", { body: { retention } });
  const plan = async () => (await service.post("/v1/databases/shop/prunes", { dryRun: true })).body;
  const show = async (id: string) => (await service.get(`/v1/backups/${id}`)).body;

  async function backUp(): Promise<string> {
    const { body } = await service.post("/v1/databases/shop/backups");
    for (;;) {
      const found = await show(body["id"]);
      assert.notEqual(found["status"], "failed", JSON.stringify(found["error"]));
      if (found["status"] === "verified") return body["id"];
    }
  }

  async function prune(reason = "spring"): Promise<Reply["body"]> {
    const reply = await service.post("/v1/databases/shop/prunes", { reason });
    assert.equal(reply.status, 202, reply.text);
    assert.equal(reply.headers.get("location"), `/v1/prunes/${reply.body["id"]}`);
    return (await service.get(`/v1/prunes/${reply.body["id"]}?wait=20`)).body;
  }

  it("prunes nothing while the policy says nothing", async () => {
    for (const body of [{ dryRun: true }, { reason: "x" }]) {
      const reply = await service.post("/v1/databases/shop/prunes", body);
      assert.deepEqual([reply.status, reply.body["code"]], [409, "retention-not-set"]);
    }
    assert.equal((await policy({ minVerified: 2 })).status, 200);
    const reply = await service.post("/v1/databases/shop/prunes", { reason: "x" });
    assert.equal(reply.body["code"], "retention-not-set");
  });

  it("refuses rules that are none, and a prune without a reason", async () => {
    for (const retention of [{ keepLast: -1 }, { minVerified: 0 }, { keep: 1 }, { daily: 1.5 }, []])
      assert.equal((await policy(retention)).status, 400, JSON.stringify(retention));
    assert.equal((await policy({ keepLast: 3 })).status, 200);
    assert.equal((await service.post("/v1/databases/shop/prunes", {})).status, 400);
    assert.equal((await service.post("/v1/databases/none/prunes", { reason: "x" })).status, 404);
  });

  it("says what would go and changes nothing", async () => {
    const size = await service.size();
    const shown = await plan();
    assert.deepEqual([shown["kept"], shown["pruned"], shown["dryRun"]], [3, 2, true]);
    const actions = shown["items"].map(({ id, action, because }: Reply["body"]) => [
      backups.indexOf(id),
      action,
      because[0],
    ]);
    assert.deepEqual(actions, [
      [4, "keep", "last-verified"],
      [3, "keep", "keep-last"],
      [2, "keep", "keep-last"],
      [1, "prune", "not-retained"],
      [0, "prune", "not-retained"],
    ]);
    assert.equal(await service.size(), size);
  });

  it("keeps what is held, records who held it and why, and lets it go afterwards", async () => {
    const held = await service.post("/v1/databases/shop/legal-holds", {
      backupId: backups[0],
      reason: "case 7",
    });
    assert.equal(held.status, 201, held.text);
    assert.equal(held.body["placedBy"].name, "admin");
    const ended = await prune();
    assert.equal(ended["status"], "succeeded", JSON.stringify(ended));
    assert.deepEqual(ended["pruned"], [backups[1]]);
    assert.equal((await show(backups[1]!))["status"], "pruned");
    assert.equal(existsSync(join(service.data, "backups", "manifests", backups[1]!)), false);
    const items = (await service.get("/v1/databases/shop/legal-holds")).body["items"];
    assert.deepEqual(
      items.map(({ reason }: Reply["body"]) => reason),
      ["case 7"],
    );
    const released = await service.post(`/v1/legal-holds/${held.body["id"]}/releases`, {
      reason: "closed",
    });
    assert.equal(released.status, 200, released.text);
    assert.equal((await service.get(`/v1/legal-holds/${held.body["id"]}`)).status, 404);
    assert.equal((await plan())["pruned"], 1);
    assert.deepEqual((await prune())["pruned"], [backups[0]]);
  });

  it("holds the whole database, by a hold or by the policy", async () => {
    await backUp();
    assert.equal((await plan())["pruned"], 1);
    const hold = await service.post("/v1/databases/shop/legal-holds", { reason: "all" });
    assert.equal(hold.body["backupId"], null);
    assert.equal((await plan())["pruned"], 0);
    assert.deepEqual((await prune())["pruned"], []);
    await service.post(`/v1/legal-holds/${hold.body["id"]}/releases`, { reason: "over" });
    await policy({ keepLast: 3, legalHold: true });
    assert.equal((await plan())["pruned"], 0);
    await policy({ keepLast: 3 });
  });

  it("refuses holds on what is not there", async () => {
    const place = async (backupId: string) =>
      (await service.post("/v1/databases/shop/legal-holds", { backupId, reason: "x" })).body[
        "code"
      ];
    assert.equal(await place(ABSENT), "backup-not-found");
    assert.equal(await place(backups[0]!), "backup-pruned");
    const reply = await service.post(`/v1/legal-holds/${ABSENT}/releases`, { reason: "x" });
    assert.deepEqual([reply.status, reply.body["code"]], [404, "hold-not-found"]);
  });

  it("does not verify, restore or prune again what was pruned", async () => {
    const [gone] = backups as [string];
    const verify = await service.post(`/v1/backups/${gone}/verifications`);
    assert.deepEqual([verify.status, verify.body["code"]], [409, "backup-not-complete"]);
    const restore = await service.post("/v1/databases/shop/restores", {
      backupId: gone,
      reason: "x",
    });
    assert.deepEqual([restore.status, restore.body["code"]], [409, "backup-not-restorable"]);
  });

  it("keeps the last verified backup, also when older ones were verified since", async () => {
    await policy({ daily: 1 });
    const [first] = (await plan())["items"].slice(-1);
    await service.post(`/v1/backups/${first.id}/verifications`);
    while ((await show(first.id))["verifiedAt"] === first.verifiedAt);
    const ended = await prune();
    const left = (await service.get("/v1/databases/shop/backups?limit=1000")).body["items"].filter(
      ({ status }: Reply["body"]) => status === "verified",
    );
    assert.equal(left.length, 1);
    assert.ok(!ended["pruned"].includes(left[0].id));
    assert.equal((await service.get("/v1/databases/shop")).body["lastBackup"].id, left[0].id);
    const restore = await service.post("/v1/databases/shop/restores", {
      backupId: left[0].id,
      reason: "it is the only one",
    });
    const done = (await service.get(`/v1/restores/${restore.body["id"]}?wait=20`)).body;
    assert.equal(done["status"], "succeeded", JSON.stringify(done["error"]));
  });

  it("refuses to prune when the store has lost what is to be kept", async () => {
    const { rename } = await import("node:fs/promises");
    await policy({ keepLast: 1 });
    const kept = await backUp();
    const place = join(service.data, "backups", "manifests", kept);
    await rename(place, `${place}.lost`);
    const failed = await prune();
    assert.deepEqual([failed["status"], failed["error"].code], ["failed", "too-few-verified"]);
    assert.deepEqual(failed["pruned"], []);
    await rename(`${place}.lost`, place);
    assert.equal((await prune())["status"], "succeeded");
  });

  it("cleans up after a run that succeeded, if the policy says so", async () => {
    await policy({ keepLast: 1, cleanupAfterSuccess: true });
    await service.post("/v1/databases/shop/migrations", {
      migrations: [{ version: "1", name: "one", up: "CREATE TABLE a (x)" }],
    });
    const { body } = await service.post("/v1/databases/shop/runs");
    const run = (await service.get(`/v1/runs/${body["id"]}?wait=20`)).body;
    assert.equal(run["status"], "succeeded");
    for (;;) {
      const [newest] = (await service.get("/v1/databases/shop/prunes?limit=1")).body["items"];
      if (newest.runId !== run["id"] || newest.endedAt === null) continue;
      assert.equal(newest.status, "succeeded", JSON.stringify(newest));
      assert.equal(newest.requestedBy.kind, "system");
      break;
    }
    const left = (await service.get("/v1/databases/shop/backups?limit=1000")).body["items"].filter(
      ({ status }: Reply["body"]) => status === "verified",
    );
    assert.deepEqual(
      left.map(({ runId }: Reply["body"]) => runId),
      [run["id"]],
    );
  });

  it("rebuilds to the same state", async () => {
    assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
  });
});
