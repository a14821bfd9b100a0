import assert from "node:assert/strict";
import { cp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { TestService } from "../support/service.ts";

const SECRETS = ["Ana Ruiz", "because Ana asked", "TICKET-4711", "she-agent"];

describe("erasing what is kept of a person", () => {
  let service: TestService;
  let token: string;
  let actor: string;
  let runId: string;

  beforeEach(async () => {
    service = await TestService.start();
    await service.register("shop");
    const issued = await service.post("/v1/keys", { name: "Ana Ruiz", roles: ["operator"] });
    token = issued.body.token;
    actor = issued.body.actor.id;
    const migrations = [{ version: "1", name: "one", up: "CREATE TABLE t (x)" }];
    await service.post("/v1/databases/shop/migrations", { migrations });
    const headers = { "user-agent": "she-agent", "idempotency-key": "k-1" };
    const asked = await service.post("/v1/databases/shop/runs", RUN, { token, headers });
    runId = asked.body.id;
    assert.equal(asked.body.reason, "because Ana asked");
    assert.equal((await service.get(`/v1/runs/${runId}?wait=20`)).body.status, "succeeded");
  });
  afterEach(() => service.stop());

  const RUN = { reason: "because Ana asked", ticket: "TICKET-4711" };
  const erase = () => service.post(`/v1/actors/${actor}/erasures`, { reason: "Request of 5 May" });
  const shown = async (): Promise<string> => {
    const paths = [
      "/v1/audit/events?limit=1000",
      `/v1/runs/${runId}`,
      "/v1/runs",
      "/v1/keys",
      "/v1/reports/changes?format=csv",
    ];
    const texts = await Promise.all(paths.map(async (path) => (await service.get(path)).text));
    const csv = await service.get("/v1/audit/events?limit=1000", {
      headers: { accept: "text/csv" },
    });
    const lines = await service.get("/v1/audit/events?limit=1000", {
      headers: { accept: "application/x-ndjson" },
    });
    return [
      ...texts,
      csv.text,
      lines.text,
      (await service.get(`/v1/runs/${runId}/events`)).text,
    ].join();
  };

  /** Every file of a directory but the keys. */
  async function bytesOf(directory: string): Promise<string> {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((one) => one.isFile() && !one.parentPath.includes("keys"));
    const texts = await Promise.all(
      files.map((file) => readFile(join(file.parentPath, file.name), "latin1")),
    );
    return texts.join();
  }

  it("shows words and names to those who may read, and has none of them in its files", async () => {
    const before = await shown();
    for (const secret of SECRETS) assert.ok(before.includes(secret), secret);
    const found = await service.get("/v1/audit/events?actor=Ana%20Ruiz&limit=1000");
    assert.ok(found.body.items.length > 0);
    await service.halt();
    const stored = await bytesOf(service.data);
    for (const secret of SECRETS) assert.ok(!stored.includes(secret), secret);
    await service.restart();
  });

  it("says what was erased, and still proves every event", async () => {
    const before = await service.size();
    const erased = await erase();
    assert.deepEqual(
      [erased.status, erased.body.actor, erased.body.eventIndex],
      [201, actor, before],
    );
    for (const restarted of [false, true]) {
      if (restarted) await service.restart();
      const after = await shown();
      for (const secret of SECRETS) assert.ok(!after.includes(secret), secret);
      assert.ok(after.includes(`erased (event ${before})`));
      assert.ok(after.includes(actor));
      const verified = await service.post("/v1/ledger/verifications");
      assert.deepEqual(verified.body.findings, []);
      for (let index = 0; index < before; index += 5)
        assert.equal((await service.get(`/v1/ledger/events/${index}/proof`)).status, 200);
    }
    const run = (await service.get(`/v1/runs/${runId}`)).body;
    assert.equal(run.reason, `erased (event ${before})`);
    assert.equal(run.requestedBy.id, actor);
  });

  it("reaches copies of the ledger that were made before", async () => {
    await service.halt();
    const older = join(service.directory, "older");
    await cp(service.data, older, { recursive: true });
    await service.restart();
    await erase();
    await service.halt();
    // The old files back, as an administrator with a backup would; keys are not in it.
    for (const name of await readdir(older))
      if (name !== "keys") {
        await rm(join(service.data, name), { recursive: true, force: true });
        await cp(join(older, name), join(service.data, name), { recursive: true });
      }
    await service.restart();
    const text = await shown();
    for (const secret of SECRETS) assert.ok(!text.includes(secret), secret);
    assert.ok(text.includes("unreadable (its key is missing)"));
    assert.deepEqual((await service.post("/v1/ledger/verifications")).body.findings, []);
  });

  it("answers a repeated request after it, without what was erased", async () => {
    const headers = { "user-agent": "she-agent", "idempotency-key": "k-1" };
    const repeat = () => service.post("/v1/databases/shop/runs", RUN, { token, headers });
    assert.equal((await repeat()).body.reason, "because Ana asked");
    await erase();
    const again = await repeat();
    assert.deepEqual([again.status, again.body.id], [202, runId]);
    assert.match(again.body.reason, /^erased/);
  });

  it("is an administrator's, and of somebody of whom there is something", async () => {
    const refused = await service.post(`/v1/actors/${actor}/erasures`, { reason: "x" }, { token });
    assert.equal(refused.status, 403);
    const none = await service.post("/v1/actors/act_0000/erasures", { reason: "x" });
    assert.deepEqual([none.status, none.body.code], [404, "nothing-to-erase"]);
    assert.equal((await service.post(`/v1/actors/${actor}/erasures`, {})).status, 400);
    await erase();
    assert.equal((await erase()).status, 404);
  });
});
