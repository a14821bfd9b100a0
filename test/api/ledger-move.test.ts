import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { moveLedger } from "../../src/api/ledger-move.ts";
import { setUpLedger } from "../../src/api/ledger-setup.ts";
import { verifyOffline } from "../../src/api/offline-ledger.ts";
import { sealFile } from "../../src/infra/sqlite/sealed-file.ts";
import { durableServer, type PostgresServer } from "../support/postgres/server.ts";
import { TestService } from "../support/service.ts";

const STEP = { version: "1", name: "orders", up: "CREATE TABLE orders (id INTEGER PRIMARY KEY);" };

describe("moving a ledger", () => {
  let server: PostgresServer;
  let service: TestService;

  before(async () => {
    server = await durableServer(18);
  });
  beforeEach(async () => {
    service = await TestService.start();
    await service.register("shop");
    await service.post("/v1/databases/shop/migrations", { migrations: [STEP] });
    const { body } = await service.post("/v1/databases/shop/runs");
    await service.get(`/v1/runs/${body["id"]}?wait=20`);
  });
  afterEach(async () => {
    await service.stop();
  });

  /** Every event of the history, as text. */
  const history = async (): Promise<string> =>
    (await service.get("/v1/audit/events?limit=1000", { headers: { accept: "text/csv" } })).text;

  it("keeps every byte and the root, there and back and there again", async () => {
    const url = await server.createDatabase();
    const before = await history();
    const key = { headers: { "idempotency-key": "once" } };
    const asked = await service.post("/v1/databases/shop/backups", {}, key);
    assert.equal(asked.status, 202);
    await service.halt();
    const { root } = await verifyOffline(service.data, { checkpoints: [], vkeys: [] });
    const there = await moveLedger(service.data, url);
    assert.equal(there.root, Buffer.from(root).toString("base64"));
    assert.ok(there.size > 0);

    await service.restart();
    assert.ok((await history()).startsWith(before));
    const again = await service.post("/v1/databases/shop/backups", {}, key);
    assert.equal(again.headers.get("idempotent-replay"), "true");
    assert.deepEqual(again.body["id"], asked.body["id"]);
    const verified = await service.post("/v1/ledger/verifications", { databases: true });
    assert.deepEqual(verified.body["findings"], []);
    const size = await service.size();
    await service.halt();

    const back = await moveLedger(service.data, "file");
    assert.ok(back.size >= size);
    const offline = await verifyOffline(service.data, { checkpoints: [], vkeys: [] });
    assert.deepEqual(offline.findings, []);
    assert.equal(back.root, Buffer.from(offline.root).toString("base64"));
    assert.ok(existsSync(join(service.data, `ledger-sealed-${there.size}.db`)));
    await service.restart();
    await service.register("second");
    await service.halt();

    const third = await moveLedger(service.data, url);
    assert.ok(third.size > back.size);
    await service.restart();
    assert.equal((await service.get("/v1/databases/second")).status, 200);
  });

  it("leaves nothing behind that could be appended to", async () => {
    const url = await server.createDatabase();
    await service.halt();
    const old = join(service.directory, "old");
    await moveLedger(service.data, url);
    cpSync(service.data, old, { recursive: true });
    rmSync(join(old, "ledger-url"));
    const { data } = service;
    await assert.rejects(service.restart({ data: old }), { code: "ledger-sealed" });
    await moveLedger(data, "file");
    rmSync(join(old, "ledger.db"));
    for (const file of ["ledger.db-wal", "ledger.db-shm"]) rmSync(join(old, file), { force: true });
    await assert.rejects(service.restart({ data: old, ledger: url }), { code: "ledger-sealed" });
    await service.restart();
  });

  it("changes nothing when the other place is not right", async () => {
    const url = await server.createDatabase();
    const other = await TestService.start({ ledger: url });
    await other.stop();
    await service.halt();
    await assert.rejects(moveLedger(service.data, url), { code: "ledger-origin-differs" });
    const nowhere = "postgres://nobody@127.0.0.1:1/none";
    await assert.rejects(moveLedger(service.data, nowhere), { code: "ledger-open-failed" });
    await assert.rejects(moveLedger(service.data, "file"), { code: "ledger-elsewhere" });
    await service.restart();
    assert.equal((await service.register("more")).status, 201);
    assert.ok(!readdirSync(service.data).includes("ledger-url"));
  });

  it("goes on after it was left halfway, and refuses what went another way", async () => {
    const url = await server.createDatabase();
    await service.halt();
    const copy = join(service.directory, "copy");
    cpSync(service.data, copy, { recursive: true });
    // As a crash leaves it before anything was copied.
    sealFile(join(copy, "ledger.db"), url);
    await moveLedger(copy, url);
    for (const [data, name] of [
      [copy, "other-way"],
      [service.data, "one-way"],
    ] as const) {
      await service.restart({ data });
      await service.register(name);
      await service.halt();
    }
    await assert.rejects(moveLedger(service.data, url), { code: "ledger-not-a-prefix" });
    await service.restart();
    assert.equal((await service.get("/v1/databases/one-way")).status, 200);
  });

  it("can be prepared by a role that keeps the tables to itself", async () => {
    const url = await server.createDatabase();
    await server.query("CREATE ROLE mover LOGIN");
    const asService = url.replace("postgres@", "mover@");
    await service.halt();
    await assert.rejects(moveLedger(service.data, asService), { code: "ledger-setup-needed" });
    await setUpLedger(url, "mover");
    await moveLedger(service.data, asService);
    await service.restart();
    assert.equal((await service.register("more")).status, 201);
    assert.ok(!service.logged.some(({ code }) => code === "ledger-role-owns"));
  });
});
