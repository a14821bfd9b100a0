import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { TestService, type Reply } from "../support/service.ts";

describe("scrubs and restore drills", () => {
  let service: TestService;

  before(async () => {
    service = await TestService.start();
    await service.register("shop");
    await service.post("/v1/databases/shop/migrations", {
      migrations: [{ version: "1", name: "one", up: "CREATE TABLE a (x); CREATE TABLE b (y)" }],
    });
    const { body } = await service.post("/v1/databases/shop/runs");
    await service.get(`/v1/runs/${body["id"]}?wait=20`);
    const db = new Database(join(service.databases, "shop.db"));
    db.exec("INSERT INTO a VALUES (hex(randomblob(40000))), (2), (3)");
    db.close();
    await backUp({});
    await backUp({ kind: "table", tables: ["b"] });
  });
  after(() => service.stop());

  async function backUp(body: object): Promise<string> {
    const { body: asked } = await service.post("/v1/databases/shop/backups", body);
    for (;;) {
      const found = (await service.get(`/v1/backups/${asked["id"]}`)).body;
      assert.notEqual(found["status"], "failed", JSON.stringify(found["error"]));
      const end = found["kind"] === "full" ? "verified" : "completed";
      if (found["status"] === end) return asked["id"];
    }
  }

  async function perform(kind: "scrubs" | "drills"): Promise<Reply["body"]> {
    const reply = await service.post(`/v1/databases/shop/${kind}`, { reason: "test" });
    assert.equal(reply.status, 202, reply.text);
    assert.equal(reply.headers.get("location"), `/v1/${kind}/${reply.body["id"]}`);
    return (await service.get(`/v1/${kind}/${reply.body["id"]}?wait=20`)).body;
  }

  const alerts = async (): Promise<string[]> =>
    (await service.get("/v1/audit/events?type=AlertRaised")).body["items"].map(
      ({ data }: { data: { code: string } }) => data.code,
    );

  it("pass while the backups are as they were", async () => {
    const scrub = await perform("scrubs");
    assert.deepEqual([scrub["status"], scrub["verified"].length], ["passed", 3]);
    const drill = await perform("drills");
    assert.deepEqual([drill["status"], drill["findings"], drill["rows"]], ["passed", [], 3]);
    assert.ok(drill["restoreMs"] >= 0 && drill["checkMs"] >= 0);
    assert.deepEqual(await alerts(), []);
    assert.equal((await service.get("/v1/databases/shop/drills")).body["items"].length, 1);
  });

  it("fail on damage, never choose that backup again, and raise alerts", async () => {
    const packs = join(service.data, "backups", "packs");
    for (const name of readdirSync(packs)) {
      const bytes = readFileSync(join(packs, name));
      bytes[Math.floor(bytes.length / 2)]! ^= 0xff;
      writeFileSync(join(packs, name), bytes);
    }
    const drill = await perform("drills");
    assert.equal(drill["status"], "failed", JSON.stringify(drill));
    assert.equal(drill["findings"][0].code, "backup-damaged");
    const scrub = await perform("scrubs");
    assert.equal(scrub["status"], "failed", JSON.stringify(scrub));
    assert.ok(scrub["damaged"].length > 0);
    const codes = await alerts();
    for (const code of ["backup-damaged", "drill-failed", "scrub-failed"])
      assert.ok(codes.includes(code), codes.join());
    for (const id of scrub["damaged"])
      assert.equal((await service.get(`/v1/backups/${id}`)).body["status"], "damaged");
    assert.equal((await service.get("/v1/databases/shop")).body["lastBackup"], null);
    const none = await perform("drills");
    assert.deepEqual([none["status"], none["findings"][0].code], ["failed", "no-verified-backup"]);
    // What is damaged does not count as stored: a new backup is whole.
    await backUp({});
    assert.equal((await perform("drills"))["status"], "passed");
  });

  it("are not found under each other's ids, and rebuild to the same state", async () => {
    const { items } = (await service.get("/v1/databases/shop/drills")).body;
    const other = await service.get(`/v1/scrubs/${items[0].id}`);
    assert.deepEqual([other.status, other.body["code"]], [404, "scrub-not-found"]);
    assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
  });
});
