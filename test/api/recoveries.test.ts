import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { TestService, type Reply } from "../support/service.ts";

const step = (version: string, up: string) => ({ version, name: `step ${version}`, up });
const TABLE = "CREATE TABLE a (id INTEGER PRIMARY KEY, v)";
const ROWS = `INSERT INTO a (v) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
  WHERE i < 2000) SELECT hex(randomblob(40)) FROM n`;

describe("recoveries", () => {
  let service: TestService;

  beforeEach(async () => {
    service = await TestService.start();
    await service.register("shop");
    await add(step("1", TABLE), step("2", ROWS));
    await run();
  });
  afterEach(async () => {
    assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
    await service.stop();
  });

  const file = (): string => join(service.databases, "shop.db");
  const add = (...migrations: object[]): Promise<Reply> =>
    service.post("/v1/databases/shop/migrations", { migrations });
  const show = async () => (await service.get("/v1/databases/shop")).body;

  async function run(body: object = {}): Promise<Reply["body"]> {
    const { body: asked } = await service.post("/v1/databases/shop/runs", body);
    return (await service.get(`/v1/runs/${asked["id"]}?wait=20`)).body;
  }

  async function recover(body: object = {}): Promise<Reply["body"]> {
    const reply = await service.post("/v1/databases/shop/recoveries", { reason: "test", ...body });
    assert.equal(reply.status, 202, reply.text);
    assert.equal(reply.headers.get("location"), `/v1/recoveries/${reply.body["id"]}`);
    return (await service.get(`/v1/recoveries/${reply.body["id"]}?wait=30`)).body;
  }

  async function backUp(): Promise<string> {
    const { body } = await service.post("/v1/databases/shop/backups");
    for (;;) {
      const found = (await service.get(`/v1/backups/${body["id"]}`)).body;
      if (found["status"] === "verified") return body["id"];
      assert.ok(["running", "completed"].includes(found["status"]), JSON.stringify(found));
    }
  }

  function sql<T>(text: string): T {
    const db = new Database(file());
    try {
      return (text.startsWith("SELECT") ? db.prepare(text).pluck().get() : db.exec(text)) as T;
    } finally {
      db.close();
    }
  }

  /** Overwrites a piece in the middle of a file. */
  function damage(path: string, from = 0.4): void {
    const handle = openSync(path, "r+");
    const { size } = statSync(path);
    const length = Math.min(8192, Math.ceil(size / 4));
    writeSync(handle, Buffer.alloc(length, 0xa5), 0, length, Math.floor(size * from));
    closeSync(handle);
  }

  /** What backups share is left alone: only this one is damaged. */
  function damageBackup(id: string): void {
    const place = join(service.data, "backups", "manifests");
    for (const name of readdirSync(place)) if (name.startsWith(id)) damage(join(place, name), 0.5);
  }

  it("do nothing to a database that is well, and say so", async () => {
    const before = await show();
    const recovery = await recover();
    assert.deepEqual([recovery["status"], recovery["procedure"]], ["succeeded", "none"]);
    assert.equal((await show())["incarnation"], before["incarnation"]);
    assert.equal((await service.get("/v1/databases/shop/recoveries")).body["items"].length, 1);
    for (const procedure of ["corruption", "failed-migration"])
      assert.equal((await recover({ procedure }))["procedure"], "none", procedure);
    assert.equal((await show())["incarnation"], before["incarnation"]);
  });

  it("restore the newest backup that passes, apply again what it lacks, say what may be lost", async () => {
    const good = await backUp();
    await add(step("3", "CREATE TABLE b (x)"));
    assert.equal((await run())["status"], "succeeded");
    sql("INSERT INTO a (v) VALUES ('since'); INSERT INTO b VALUES (1)");
    const bad = await backUp();
    damageBackup(bad);
    damageBackup((await service.get("/v1/runs?limit=1")).body["items"][0].backupId);
    damage(file());
    const recovery = await recover();
    assert.equal(recovery["status"], "succeeded", JSON.stringify(recovery));
    assert.equal(recovery["procedure"], "corruption");
    assert.equal(recovery["backupId"], good);
    assert.equal(recovery["rejected"][0], bad);
    assert.equal(recovery["rejected"].length, 2);
    const again = (await service.get(`/v1/runs/${recovery["runId"]}`)).body;
    assert.deepEqual(
      again["steps"].map(({ version, status }: Reply["body"]) => [version, status]),
      [["3", "applied"]],
    );
    const shop = await show();
    assert.deepEqual([shop["version"], shop["status"]], ["3", "ready"]);
    const { window } = recovery;
    assert.equal(window.from, (await service.get(`/v1/backups/${good}`)).body["completedAt"]);
    assert.ok(window.from < window.to);
    const a = window.tables.find(({ table }: Reply["body"]) => table === "a");
    assert.deepEqual([a.restored, a.lastKnown], [2000, 2001]);
    assert.equal(sql("SELECT count(*) FROM a"), 2000);
    const alerts = (await service.get("/v1/audit/events?type=AlertRaised")).body["items"];
    const told = (code: string): string[] =>
      alerts
        .filter(({ data }: Reply["body"]) => data.code === code)
        .map(({ data }: Reply["body"]) => data.about.id);
    assert.deepEqual(told("backup-damaged"), recovery["rejected"]);
    assert.deepEqual(told("data-may-be-lost"), [recovery["id"]]);
  });

  it("bring a file back that is gone", async () => {
    await backUp();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(file() + suffix, { force: true });
    const recovery = await recover();
    assert.deepEqual(
      [recovery["status"], recovery["procedure"], recovery["findings"][0].code],
      ["succeeded", "corruption", "database-missing"],
    );
    assert.equal(sql("SELECT count(*) FROM a"), 2000);
    assert.equal(recovery["window"].safetyBackupId, null);
  });

  it("bring back a database that an older copy has taken the place of", async () => {
    const older = join(service.databases, "older.db");
    const db = new Database(file());
    await db.backup(older);
    db.close();
    await add(step("3", "CREATE TABLE b (x)"));
    await run();
    for (const suffix of ["-wal", "-shm"]) rmSync(file() + suffix, { force: true });
    renameSync(older, file());
    const recovery = await recover();
    assert.equal(recovery["status"], "succeeded", JSON.stringify(recovery));
    assert.equal(recovery["procedure"], "corruption");
    assert.equal((await show())["version"], "3");
  });

  it("go back to before a run that stopped half-way", async () => {
    await add(step("3", "CREATE TABLE b (x)"), step("4", "INSERT INTO nowhere VALUES (1)"));
    const failed = await run({ rehearse: false, onFailure: "stop" });
    assert.deepEqual([failed["status"], failed["outcome"]], ["failed", "kept"]);
    const recovery = await recover();
    assert.equal(recovery["status"], "succeeded", JSON.stringify(recovery));
    assert.deepEqual(
      [recovery["procedure"], recovery["failedRunId"], recovery["backupId"], recovery["runId"]],
      ["failed-migration", failed["id"], failed["backupId"], null],
    );
    assert.equal((await show())["version"], "2");
    assert.equal(sql("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
    assert.equal((await recover())["procedure"], "none");
  });

  it("take an older backup if that of the failed run is damaged, and apply the rest again", async () => {
    await add(step("3", "CREATE TABLE b (x)"), step("4", "INSERT INTO nowhere VALUES (1)"));
    await run({ to: "3" });
    const failed = await run({ rehearse: false, onFailure: "stop" });
    assert.equal(failed["outcome"], "untouched");
    await add(step("3.5", "CREATE TABLE c (x)"));
    const half = await run({ rehearse: false, onFailure: "stop" });
    assert.equal(half["outcome"], "kept", JSON.stringify(half));
    damageBackup(half["backupId"]);
    const recovery = await recover();
    assert.equal(recovery["status"], "succeeded", JSON.stringify(recovery));
    assert.deepEqual(recovery["rejected"], [half["backupId"]]);
    assert.equal((await show())["version"], "3");
    assert.equal(sql("SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
  });

  it("fail, raise an alert and leave the files alone when no backup passes", async () => {
    for (const { id } of (await service.get("/v1/databases/shop/backups")).body["items"])
      damageBackup(id);
    damage(file());
    const recovery = await recover();
    assert.deepEqual([recovery["status"], recovery["error"].code], ["failed", "no-backup-passes"]);
    const { items } = (await service.get("/v1/audit/events?type=AlertRaised&order=desc")).body;
    assert.deepEqual(items[0].data.about, { kind: "recovery", id: recovery["id"] });
    assert.equal((await show())["incarnation"].length, 36);
  });

  it("refuse a request without a reason, and one for a database that is not there", async () => {
    assert.equal((await service.post("/v1/databases/shop/recoveries", {})).status, 400);
    const other = { reason: "x", procedure: "magic" };
    assert.equal((await service.post("/v1/databases/shop/recoveries", other)).status, 400);
    assert.equal((await service.post("/v1/databases/no/recoveries", { reason: "x" })).status, 404);
    const absent = await service.get("/v1/recoveries/0198f3c2-7d3e-7c4b-9a55-0c5b8a1d2e3f");
    assert.deepEqual([absent.status, absent.body["code"]], [404, "recovery-not-found"]);
  });
});
