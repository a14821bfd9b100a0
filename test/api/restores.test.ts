import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { TestService, type Reply } from "../support/service.ts";

const step = (version: string, up: string) => ({ version, name: `step ${version}`, up });

describe("restores", () => {
  let service: TestService;

  before(async () => {
    service = await TestService.start();
    await service.register("shop");
    await add(
      step("1", "CREATE TABLE a (id INTEGER PRIMARY KEY, v); INSERT INTO a VALUES (1, 'x')"),
    );
    await add(step("2", "CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a)"));
  });
  after(() => service.stop());

  const runs: string[] = [];
  const url = "/v1/databases/shop/restores";
  const file = (): string => join(service.databases, "shop.db");
  const ask = (body: object): Promise<Reply> => service.post(url, { reason: "test", ...body });
  const at = async (backup: string): Promise<string> =>
    (await service.get(`/v1/backups/${backup}`)).body["startedAt"];

  async function add(migration: object): Promise<void> {
    await service.post("/v1/databases/shop/migrations", { migrations: [migration] });
    const { body } = await service.post("/v1/databases/shop/runs");
    const run = (await service.get(`/v1/runs/${body["id"]}?wait=20`)).body;
    assert.equal(run["status"], "succeeded", JSON.stringify(run["error"]));
    runs.push(run["id"]);
  }

  async function backUp(asked?: object): Promise<string> {
    const { body } = await service.post("/v1/databases/shop/backups", asked);
    const done = asked === undefined ? "verified" : "completed";
    for (;;) {
      const found = (await service.get(`/v1/backups/${body["id"]}`)).body;
      assert.notEqual(found["status"], "failed", JSON.stringify(found["error"]));
      if (found["status"] === done) return body["id"];
    }
  }

  async function restored(body: object): Promise<Reply["body"]> {
    const reply = await ask(body);
    assert.equal(reply.status, 202, reply.text);
    assert.equal(reply.headers.get("location"), `/v1/restores/${reply.body["id"]}`);
    return (await service.get(`/v1/restores/${reply.body["id"]}?wait=20`)).body;
  }

  function sql<T>(text: string): T {
    const db = new Database(file());
    db.pragma("foreign_keys = OFF");
    try {
      if (!text.startsWith("SELECT")) return db.exec(text) as T;
      return db.prepare(text).pluck().all() as T;
    } finally {
      db.close();
    }
  }

  const refused = async (body: object, status: number, code: string): Promise<Reply> => {
    const size = await service.size();
    const reply = await ask(body);
    assert.deepEqual([reply.status, reply.body["code"]], [status, code], reply.text);
    assert.equal(await service.size(), size);
    return reply;
  };

  it("bring single tables back, tried on a copy first, after a safety backup", async () => {
    const backupId = await backUp();
    sql("DELETE FROM a; INSERT INTO a VALUES (2, 'new')");
    const restore = await restored({ backupId, tables: ["A"] });
    assert.equal(restore["status"], "succeeded", JSON.stringify(restore));
    const [table] = restore["tables"];
    assert.deepEqual([table.table, table.inserted, table.addedSince], ["a", 1, 1]);
    assert.deepEqual(sql("SELECT v FROM a ORDER BY id"), ["x", "new"]);
    const safety = (await service.get(`/v1/backups/${restore["safetyBackupId"]}`)).body;
    assert.deepEqual(
      [safety["purpose"], safety["status"], safety["rows"].a],
      ["safety", "verified", 1],
    );
    const shop = (await service.get("/v1/databases/shop")).body;
    assert.deepEqual([shop["version"], shop["status"]], ["2", "ready"]);
    const { body } = await service.post("/v1/databases/shop/integrity-checks");
    let check = body;
    while (check["status"] === "running")
      check = (await service.get(`/v1/integrity-checks/${body["id"]}`)).body;
    assert.equal(check["status"], "passed", JSON.stringify(check["findings"]));
  });

  it("bring tables back from a backup of only them, and nothing but them", async () => {
    const backupId = await backUp({ kind: "table", tables: ["a"] });
    sql("DELETE FROM a; INSERT INTO a VALUES (3, 'later')");
    const restore = await restored({ backupId, tables: ["a"], onConflict: "replace" });
    assert.equal(restore["status"], "succeeded", JSON.stringify(restore));
    assert.deepEqual(sql("SELECT v FROM a ORDER BY id"), ["x", "new"]);
    await refused({ backupId }, 409, "backup-not-restorable");
    await refused({ backupId, tables: ["b"] }, 400, "table-not-found");
  });

  it("are refused with what speaks against them, and change nothing", async () => {
    const backupId = await backUp();
    sql("UPDATE a SET v = 'other' WHERE id = 1");
    const restore = await restored({ backupId, tables: ["a"] });
    assert.deepEqual([restore["status"], restore["error"].code], ["failed", "restore-refused"]);
    assert.deepEqual(
      restore["findings"].map(({ code, table }: { code: string; table: string }) => [code, table]),
      [["rows-differ", "a"]],
    );
    assert.deepEqual(sql("SELECT v FROM a WHERE id = 1"), ["other"]);
    const types = (await service.get(`/v1/restores/${restore["id"]}/events`)).body["items"].map(
      ({ type }: { type: string }) => type,
    );
    assert.ok(!types.includes("RestoreStarted"), types.join());
    assert.equal(
      (await restored({ backupId, tables: ["a"], onConflict: "keep" }))["status"],
      "succeeded",
    );
  });

  it("bring the state before a run back, or that of a time", async () => {
    const before = await restored({ beforeRun: runs[1] });
    assert.equal(before["beforeRun"], runs[1]);
    assert.equal(before["backupId"], (await service.get(`/v1/runs/${runs[1]}`)).body["backupId"]);
    assert.equal((await service.get("/v1/databases/shop")).body["version"], "1");
    assert.equal(sql<string[]>("SELECT name FROM sqlite_schema WHERE name = 'b'").length, 0);
    const newest = await backUp();
    const again = await restored({ at: await at(before["safetyBackupId"]) });
    assert.notEqual(again["backupId"], newest);
    assert.notEqual(again["backupId"], before["safetyBackupId"]);
    assert.equal(again["status"], "succeeded");
    assert.equal((await service.get("/v1/databases/shop")).body["version"], "2");
  });

  it("write a backup to a new file and leave the database alone", async () => {
    const backupId = await backUp();
    const target = join(service.databases, "copy.db");
    const content = readFileSync(file());
    const restore = await restored({ backupId, target });
    assert.deepEqual([restore["status"], restore["target"]], ["succeeded", target]);
    const sha256 = createHash("sha256").update(readFileSync(target)).digest("hex");
    assert.equal(restore["sha256"], sha256);
    assert.equal(restore["safetyBackupId"], null);
    assert.deepEqual(readFileSync(file()), content);
    await refused({ backupId, target }, 409, "target-exists");
    await refused({ backupId, target: "/tmp/outside.db" }, 403, "outside-roots");
    await refused({ backupId, target: join(service.data, "x.db") }, 403, "outside-roots");
    symlinkSync(join(service.databases, "nowhere"), join(service.databases, "link.db"));
    await refused(
      { backupId, target: join(service.databases, "link.db") },
      400,
      "not-a-regular-file",
    );
  });

  it("refuse what contradicts itself or cannot be meant", async () => {
    const backupId = await backUp();
    const at = new Date().toISOString();
    await refused({}, 400, "backup-choice");
    await refused({ backupId, at }, 400, "backup-choice");
    await refused({ at: "2020-01-01T00:00:00Z" }, 409, "no-backup-at-time");
    await refused({ beforeRun: backupId }, 409, "no-backup-before-run");
    await refused({ backupId, onConflict: "keep" }, 400, "restore-contradiction");
    await refused({ backupId, tables: ["a"], target: file() }, 400, "restore-contradiction");
    await refused({ backupId, tables: ["a"], method: "offline" }, 400, "restore-contradiction");
    await refused({ backupId, tables: ["nothing"] }, 400, "table-not-found");
    await refused({ backupId, tables: [] }, 400, "invalid-request");
  });

  it("are made offline on request", async () => {
    const restore = await restored({ backupId: await backUp(), method: "offline" });
    assert.deepEqual([restore["status"], restore["method"]], ["succeeded", "offline"]);
  });

  it("can be given up, and say who did it", async () => {
    const backupId = await backUp();
    const incarnation = (await service.get("/v1/databases/shop")).body["incarnation"];
    // While another connection holds the lock, the restore waits: in WAL mode at its own first write.
    const holder = new Database(file());
    holder.exec("BEGIN IMMEDIATE");
    const { body } = await ask({ backupId });
    const queued = (await ask({ backupId })).body;
    for (const id of [queued["id"], body["id"]]) {
      const reply = await service.post(`/v1/restores/${id}/cancel`, { reason: "wrong one" });
      assert.equal(reply.status, 202, reply.text);
      assert.equal(reply.body["status"], "cancelled", reply.text);
      assert.equal(reply.body["cancelledBy"].name, "admin");
      assert.equal(reply.body["error"].code, "cancelled");
      const late = await service.post(`/v1/restores/${id}/cancel`, { reason: "again" });
      assert.deepEqual([late.status, late.body["code"]], [409, "restore-ended"]);
    }
    holder.exec("ROLLBACK");
    holder.close();
    assert.equal((await service.get("/v1/databases/shop")).body["incarnation"], incarnation);
    assert.equal((await restored({ backupId }))["status"], "succeeded");
  });

  it("are followed live, with progress, to their end", async () => {
    const { body } = await ask({ backupId: await backUp() });
    const { text } = await service.get(`/v1/restores/${body["id"]}/events`, {
      headers: { accept: "text/event-stream" },
    });
    assert.match(text, /event: RestoreRequested\n/);
    assert.match(text, /event: RestoreCompleted\n/);
    assert.match(text, /event: end\ndata: \{"id":"[^"]+","status":"succeeded"\}\n\n$/);
  });

  it("rebuild to the same state", async () => {
    assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
  });
});
