import assert from "node:assert/strict";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { newIdentityLine, parseIdentity } from "../../src/infra/page-store/age.ts";
import { TestService } from "../support/service.ts";

const UP =
  "CREATE TABLE secret (id INTEGER PRIMARY KEY, text); INSERT INTO secret (text) VALUES ('nobody may read this')";

describe("a service that encrypts its backups", function () {
  // Each test starts the service again, with a few operations in between.
  this.timeout(30_000);

  let service: TestService;
  const recipient = parseIdentity(newIdentityLine())!.recipient;

  before(async () => {
    service = await TestService.start();
    await service.restart({ backupRecipients: [recipient] });
    await service.register("shop");
    await service.post("/v1/databases/shop/migrations", {
      migrations: [{ version: 1, name: "secrets", up: UP }],
    });
  });
  after(() => service.stop());

  const keyEvents = async () =>
    (await service.get("/v1/audit/events?type=BackupKeyChanged")).body["items"];

  async function run(): Promise<void> {
    const { headers } = await service.post("/v1/databases/shop/runs");
    const { body } = await service.get(`${headers.get("location")}?wait=20`);
    assert.equal(body["status"], "succeeded", JSON.stringify(body));
  }

  async function takeBackup(): Promise<string> {
    const { body } = await service.post("/v1/databases/shop/backups");
    for (;;) {
      const { status } = (await service.get(`/v1/backups/${body["id"]}`)).body;
      if (status === "verified") return body["id"];
      assert(status === "running" || status === "completed", status);
      await delay(20);
    }
  }

  async function restore(backupId: string): Promise<{ status: string; error: { code: string } }> {
    const asked = { backupId, reason: "test" };
    const { body } = await service.post("/v1/databases/shop/restores", asked);
    for (;;) {
      const found = (await service.get(`/v1/restores/${body["id"]}`)).body;
      if (found["endedAt"] !== null) return found;
      await delay(20);
    }
  }

  it("runs, verifies and restores as usual, and says under which key", async () => {
    await run();
    const id = await takeBackup();
    assert.equal((await restore(id)).status, "succeeded");
    const [event] = await keyEvents();
    assert.match(event["data"]["keyId"], /^[0-9a-f]{32}$/);
    assert(event["data"]["recipients"].includes(recipient));
  });

  it("has nothing of the rows in its store", () => {
    const packs = join(service.data, "backups", "packs");
    const names = readdirSync(packs);
    assert(names.length > 0);
    for (const name of names)
      assert(!readFileSync(join(packs, name)).includes("nobody may read this"));
  });

  it("goes on encrypting without being told, under the same key", async () => {
    await service.restart();
    await takeBackup();
    assert.equal((await keyEvents()).length, 1);
  });

  it("answers nothing and logs nothing of keys", async () => {
    const identity = readFileSync(join(service.data, "keys", "backup.identity"), "utf8");
    const secret = /AGE-SECRET-KEY-1\w+/.exec(identity)![0];
    const texts = [
      JSON.stringify(service.diary),
      (await service.get("/v1/audit/events?limit=1000")).text,
      (await service.get("/v1/databases/shop/backups")).text,
    ];
    for (const text of texts) assert(!text.includes(secret));
  });

  it("refuses to start without its identity, and with another", async () => {
    const file = join(service.data, "keys", "backup.identity");
    renameSync(file, `${file}.away`);
    await assert.rejects(service.restart(), { code: "backup-identity-missing" });
    writeFileSync(file, `${newIdentityLine()}\n`);
    await assert.rejects(service.restart(), { code: "backup-identity-wrong" });
    renameSync(`${file}.away`, file);
    await service.restart();
  });

  it("tells why a backup cannot be used when its key is not there", async () => {
    const id = await takeBackup();
    const file = join(service.data, "keys", "backup.identity");
    renameSync(file, `${file}.away`);
    await service.restart({ backupRecipients: ["none"] });
    const restored = await restore(id);
    assert.deepEqual([restored.status, restored.error.code], ["failed", "backup-key-missing"]);
    assert.equal((await service.get(`/v1/backups/${id}`)).body["status"], "verified");
    renameSync(`${file}.away`, file);
    await service.restart({ backupRecipients: [recipient, "own"] });
    assert.equal((await restore(id)).status, "succeeded");
    const keys = (await keyEvents()).map(
      ({ data }: { data: { keyId: string | null } }) => data.keyId,
    );
    assert.deepEqual([keys[1], keys[2]], [null, keys[0]]);
  });

  it("refuses recipients that are none", async () => {
    for (const backupRecipients of [["age1xyz"], ["none", recipient], [""]])
      await assert.rejects(service.restart({ backupRecipients }), { code: "config-invalid" });
    await service.restart();
  });
});
