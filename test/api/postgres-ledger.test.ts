import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { continueAnew, rollForwardFrom } from "../../src/api/ledger-recovery.ts";
import { exportOffline, verifyOffline } from "../../src/api/offline-ledger.ts";
import { requireLedger } from "../../src/api/require-ledger.ts";
import { readConfig } from "../../src/api/config.ts";
import { startService } from "../../src/api/service.ts";
import { durableServer } from "../support/postgres/server.ts";
import { TestService } from "../support/service.ts";

const PASSWORD = "s3cr3t-of-the-ledger";
const STEP = {
  version: "1",
  name: "orders",
  up: "CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO orders VALUES (1, 'x');",
  down: "DROP TABLE orders;",
};

describe("a service with its ledger in PostgreSQL", () => {
  let service: TestService;
  let url: string;

  before(async () => {
    const server = await durableServer(18);
    url = (await server.createDatabase()).replace("postgres@", `postgres:${PASSWORD}@`);
    service = await TestService.start({ ledger: url });
  });
  after(async () => {
    await service.stop();
  });

  it("migrates, remembers and proves as with a file", async () => {
    assert.equal((await service.register("shop")).status, 201);
    await service.post("/v1/databases/shop/migrations", { migrations: [STEP] });
    const headers = { "idempotency-key": "run-1" };
    const asked = await service.post("/v1/databases/shop/runs", { reason: "first" }, { headers });
    assert.equal(asked.status, 202);
    const again = await service.post("/v1/databases/shop/runs", { reason: "first" }, { headers });
    assert.equal(again.headers.get("idempotent-replay"), "true");
    assert.deepEqual(again.body, asked.body);
    const run = (await service.get(`/v1/runs/${asked.body["id"]}?wait=20`)).body;
    assert.equal(run["status"], "succeeded", JSON.stringify(run["error"]));
    const applied = await service.get("/v1/audit/events?database=shop&type=StepApplied");
    assert.equal(applied.body["items"].length, 1);
    const { index } = applied.body["items"][0];
    const filtered = await service.get(
      `/v1/audit/events?database=shop&runId=${asked.body["id"]}&order=desc&limit=3`,
    );
    assert.equal(filtered.body["items"].length, 3);
    const proof = await service.get(`/v1/ledger/events/${index}/proof`);
    assert.match(proof.text, /^c2sp\.org\/tlog-proof@v1\n/);
    assert.equal((await service.get("/v1/ledger/tile/0/000.p/1")).status, 200);
    const consistency = await service.get("/v1/ledger/consistency?size=3");
    assert.equal(consistency.status, 200, consistency.text);
    const verified = await service.post("/v1/ledger/verifications");
    assert.deepEqual([verified.body["ok"], verified.body["findings"]], [true, []]);
    const rebuilt = await service.post("/v1/ledger/rebuild");
    assert.equal(rebuilt.status, 200, rebuilt.text);
    assert.ok(!existsSync(join(service.data, "ledger.db")));
  });

  it("goes on with it after a restart, without being told where it is", async () => {
    const size = await service.size();
    await service.restart({ ledger: undefined as never });
    assert.ok((await service.size()) >= size);
    assert.equal((await service.get("/v1/databases/shop")).body["version"], "1");
  });

  it("tells nobody the password", async () => {
    const kept = readFileSync(join(service.data, "ledger-url"), "utf8");
    const config = await service.get("/v1/audit/events?limit=1000");
    const { text } = await service.post("/v1/ledger/verifications");
    for (const said of [kept, config.text, text, JSON.stringify(service.diary)])
      assert.ok(!said.includes(PASSWORD));
    assert.match(kept, /^postgres:\/\/postgres@127\.0\.0\.1:\d+\/\w+\n$/);
  });

  it("is verified and exported by commands beside the service", async () => {
    const none = { checkpoints: [], vkeys: [] };
    const { findings, size } = await verifyOffline(service.data, none);
    assert.deepEqual(findings, []);
    const exported = join(service.directory, "exported");
    await exportOffline(service.data, exported, true);
    const beside = await verifyOffline(exported, none);
    assert.ok(beside.size <= size);
    assert.deepEqual(beside.findings, []);
    assert.deepEqual(readdirSync(join(service.data, "scratch")), []);
  });

  it("is told apart from a file by what works on files", async () => {
    const { data } = service;
    const elsewhere = { code: "ledger-elsewhere" };
    await assert.rejects(continueAnew(data, "lost"), elsewhere);
    await assert.rejects(rollForwardFrom(data, "exported"), elsewhere);
    assert.throws(() => requireLedger({ data }), elsewhere);
  });

  it("refuses another ledger for the same directory", async () => {
    const server = await durableServer(18);
    const other = await server.createDatabase();
    await service.halt();
    await assert.rejects(service.restart({ ledger: other }), { code: "ledger-elsewhere" });
    await service.restart();
  });

  it("gives its place to another service with the same keys, which stood by", async () => {
    const other = await TestService.start();
    try {
      await other.halt();
      rmSync(join(other.data, "keys"), { recursive: true });
      symlinkSync(join(service.data, "keys"), join(other.data, "keys"));
      await assert.rejects(other.restart({ ledger: url }), { code: "ledger-elsewhere" });
      for (const file of ["ledger.db", "ledger.db-wal", "projection.db", "checkpoint", "tiles"])
        rmSync(join(other.data, file), { force: true, recursive: true });
      const working = other.restart({ ledger: url });
      const standing = (): string | undefined =>
        other.diary.find(({ message }) => message === "The service stands by")?.["url"] as string;
      while (standing() === undefined) await pause(20);
      const authorization = `Bearer ${service.token}`;
      const ask = (path: string, method = "GET"): Promise<Response> =>
        fetch(standing()! + path, { method, headers: { authorization } });
      assert.equal((await service.register("a")).status, 201);
      while ((await ask("/v1/databases/a")).status !== 200) await pause(20);
      assert.equal((await ask("/v1/databases/a/backups", "POST")).status, 421);
      assert.equal((await ask("/readyz")).status, 503);
      await service.halt();
      await working;
      assert.equal((await other.register("b")).status, 201);
      assert.equal(
        (await other.post("/v1/ledger/signing-keys", { reason: "to be shared" })).status,
        201,
      );
      await other.halt();
      await service.restart();
      assert.equal((await service.get("/v1/databases/b")).status, 200);
      const { body } = await service.post("/v1/ledger/verifications");
      assert.deepEqual(body["findings"], []);
    } finally {
      await other.stop();
    }
  });

  it("begins together with another, once", async () => {
    const server = await durableServer(18);
    const shared = await server.createDatabase();
    const directory = mkdtempSync(join(tmpdir(), "schemaledger-shared-"));
    try {
      mkdirSync(join(directory, "keys"));
      const starting = ["a", "b"].map(async (name) => {
        const data = join(directory, name);
        mkdirSync(data);
        symlinkSync(join(directory, "keys"), join(data, "keys"));
        const usual = { host: "127.0.0.1", port: 0, roots: [directory] };
        const config = readConfig({ ...usual, data, ledger: shared });
        return startService(config, { log: () => {}, ledgerBackupDelayMs: null });
      });
      const first = await Promise.race(starting);
      await first.close();
      for (const service of await Promise.all(starting)) await service.close();
      const sql = "SELECT count(*)::int AS n FROM schemaledger.event WHERE type = 'LedgerOpened'";
      const { rows } = await server.query(sql, shared);
      assert.deepEqual(rows, [{ n: 1 }]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
