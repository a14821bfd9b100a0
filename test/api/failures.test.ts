import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { TestService, type Reply } from "../support/service.ts";

interface Migration {
  readonly version: string;
  readonly up: string;
  readonly down?: string;
  readonly verify?: string;
  readonly transaction?: "none";
  readonly allow?: { readonly rowLoss: readonly string[] };
}

const ONE: Migration = {
  version: "1",
  up: "CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO a (v) VALUES ('x'), ('y');",
  down: "DROP TABLE a",
};
const TWO: Migration = {
  version: "2",
  up: "ALTER TABLE a ADD COLUMN w TEXT",
  down: "ALTER TABLE a DROP COLUMN w",
};
const BROKEN: Migration = {
  version: "3",
  up: "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1);",
};
const VACUUM: Migration = { version: "2", up: "VACUUM", transaction: "none" };

describe("what becomes of a run that fails, or is undone", () => {
  let service: TestService;
  let count = 0;

  before(async () => {
    service = await TestService.start();
  });
  after(() => service.stop());
  afterEach(
    "rebuilding every projection, or starting with what is stored, gives the same",
    async () => {
      const { body } = await service.post("/v1/ledger/rebuild");
      assert.equal(body["identical"], true);
      const newest = (await service.size()) - 1;
      const before = await shown(newest);
      const logged = service.logged.length;
      await service.restart();
      assert.deepEqual(service.logged.slice(logged), []);
      assert.deepEqual(await shown(newest), before);
      assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
      assert.equal((await service.post("/v1/ledger/verifications")).body["ok"], true);
    },
  );

  /** Everything that is folded, as the API shows it. */
  async function shown(newest: number): Promise<unknown[]> {
    const schema = `schema?at=${newest}`;
    const lists = ["backups", "restores", "integrity-checks", "migrations", schema];
    const { body } = await service.get("/v1/databases");
    const { name } = body["items"].at(-1);
    const paths = ["/v1/runs?limit=1000", "/v1/databases", "/v1/keys"];
    const all = [...paths, ...lists.map((list) => `/v1/databases/${name}/${list}`)];
    return Promise.all(all.map(async (path) => (await service.get(path)).body as unknown));
  }

  async function database(...migrations: Migration[]): Promise<string> {
    const name = `db-${count++}`;
    assert.equal((await service.register(name)).status, 201);
    await add(name, ...migrations);
    return name;
  }

  async function add(name: string, ...migrations: Migration[]): Promise<void> {
    const named = migrations.map((one) => Object.assign({ name: `version ${one.version}` }, one));
    const { status, text } = await service.post(`/v1/databases/${name}/migrations`, {
      migrations: named,
    });
    assert.equal(status, 201, text);
  }

  const ended = async (reply: Reply): Promise<Reply["body"]> => {
    assert.equal(reply.status, 202, reply.text);
    return (await service.get(`/v1/runs/${reply.body["id"]}?wait=30`)).body;
  };
  const run = async (name: string, body: object = {}) =>
    ended(await service.post(`/v1/databases/${name}/runs`, body));
  const rollBack = async (name: string, body: object) =>
    ended(await service.post(`/v1/databases/${name}/rollbacks`, { reason: "test", ...body }));
  const show = async (name: string) => (await service.get(`/v1/databases/${name}`)).body;
  const file = (name: string): string => join(service.databases, `${name}.db`);
  const statuses = (of: Reply["body"]): string[] =>
    of["steps"].map(({ status }: { status: string }) => status);

  function query<T>(name: string, sql: string): T {
    const db = new Database(file(name));
    try {
      return db.prepare(sql).pluck().get() as T;
    } finally {
      db.close();
    }
  }

  it("gives up the steps whose intents were recorded before one ahead of them failed", async () => {
    const fine = (version: number): Migration => ({
      version: String(version),
      up: `CREATE TABLE t${version} (x)`,
    });
    const steps = [1, 2, 3].map(fine);
    const bad = { version: "4", up: "INSERT INTO nowhere VALUES (1)" };
    const name = await database(...steps, bad, fine(5), fine(6));
    const failed = await run(name, { rehearse: false });
    assert.equal(failed["error"].code, "statement-failed");
    assert.deepEqual(statuses(failed), [
      "applied",
      "applied",
      "applied",
      "failed",
      "pending",
      "pending",
    ]);
    const { body } = await service.get(`/v1/runs/${failed["id"]}/events?limit=100`);
    const given = body["items"].filter(({ type }: { type: string }) => type === "StepAborted");
    // How many were sent together depends on how long the first one took.
    const versions = given.map(({ data }: Reply["body"]) => data.version);
    assert.deepEqual(versions, ["5", "6"].slice(0, versions.length));
    assert.ok(versions.length > 0);
    for (const { data } of given) assert.deepEqual([data.begun, data.recovered], [false, false]);
    assert.equal(query(name, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 't%'"), 3);
    await service.post(`/v1/databases/${name}/migrations/4/withdrawals`, { reason: "test" });
    assert.equal((await run(name))["status"], "succeeded");
  });

  it("keeps earlier steps with onFailure stop", async () => {
    const name = await database(ONE, TWO, BROKEN);
    const failed = await run(name, { rehearse: false, onFailure: "stop" });
    assert.deepEqual([failed["status"], failed["outcome"]], ["failed", "kept"]);
    assert.deepEqual(statuses(failed), ["applied", "applied", "failed"]);
    assert.equal(failed["error"].statement, 2);
    assert.equal((await show(name))["version"], "2");
  });

  it("reverts earlier steps by their downs with onFailure revert", async () => {
    const name = await database(ONE, TWO, BROKEN);
    const failed = await run(name, { rehearse: false, onFailure: "revert" });
    assert.deepEqual([failed["status"], failed["outcome"]], ["failed", "reverted"]);
    assert.deepEqual(statuses(failed), ["reverted", "reverted", "failed"]);
    assert.equal((await show(name))["version"], null);
    assert.equal(query(name, "SELECT count(*) FROM sqlite_schema WHERE name = 'a'"), 0);
  });

  it("restores the run's backup with onFailure restore", async () => {
    const name = await database(ONE, TWO, BROKEN);
    const failed = await run(name, { rehearse: false, onFailure: "restore" });
    assert.deepEqual([failed["status"], failed["outcome"]], ["failed", "restored"]);
    assert.equal(failed["restoreIds"].length, 1);
    assert.equal((await show(name))["version"], null);
    assert.equal(query(name, "SELECT count(*) FROM sqlite_schema WHERE name = 'a'"), 0);
  });

  it("restores by default when an applied step could not run in a transaction", async () => {
    const name = await database(ONE, VACUUM, BROKEN);
    const failed = await run(name, { rehearse: false });
    assert.deepEqual([failed["status"], failed["outcome"]], ["failed", "restored"]);
    assert.deepEqual((await show(name))["version"], null);
  });

  it("does not touch the database when the rehearsal fails", async () => {
    const name = await database(ONE, TWO, BROKEN);
    const failed = await run(name);
    assert.deepEqual([failed["status"], failed["outcome"]], ["failed", "untouched"]);
    assert.match(failed["error"].message, /^Rehearsal: Version 3/);
    assert.equal(failed["error"].statement, 2);
    assert.equal(query(name, "SELECT count(*) FROM schemaledger_marker"), 0);
  });

  it("rolls back by down where the rehearsal shows that nothing is lost", async () => {
    const name = await database(ONE, TWO);
    await run(name);
    const undone = await rollBack(name, { to: "1" });
    assert.deepEqual([undone["outcome"], undone["restoreIds"]], ["rolled-back", []]);
    assert.equal((await show(name))["version"], "1");
  });

  it("rolls back by restoring where a down would lose what was written since", async () => {
    const name = await database(ONE);
    await run(name);
    await add(name, TWO);
    await run(name);
    query(name, "UPDATE a SET w = 'new' WHERE id = 1 RETURNING w");
    const undone = await rollBack(name, { to: "1" });
    assert.equal(undone["outcome"], "rolled-back", JSON.stringify(undone["error"]));
    assert.equal(undone["restoreIds"].length, 1);
    assert.equal((await show(name))["version"], "1");
    assert.equal(query(name, "SELECT count(*) FROM a"), 2);
    const { body } = await service.get(`/v1/databases/${name}/backups`);
    const safety = body["items"].find(({ purpose }: { purpose: string }) => purpose === "safety");
    assert.equal(safety.status, "verified", "what the restore took back is kept");
  });

  it("refuses strategy down for a down that does not bring the schema back", async () => {
    const name = await database(ONE, { ...TWO, down: "ALTER TABLE a ADD COLUMN z" });
    await run(name);
    const refused = await rollBack(name, { to: "1", strategy: "down" });
    assert.deepEqual([refused["status"], refused["outcome"]], ["failed", "untouched"]);
    assert.equal(refused["error"].code, "fingerprint-differs");
    assert.equal((await show(name))["version"], "2");
  });

  it("goes back before every version, and up again", async () => {
    const name = await database(ONE, TWO);
    await run(name);
    assert.equal((await rollBack(name, { to: "0" }))["outcome"], "rolled-back");
    assert.equal((await show(name))["version"], null);
    assert.equal((await run(name))["outcome"], "applied");
    assert.equal((await show(name))["version"], "2");
  });

  it("undoes a step whose verify script does not hold, and refuses one that is no query", async () => {
    const name = await database({ ...ONE, verify: "SELECT count(*) = 3 FROM a" });
    const failed = await run(name, { rehearse: false });
    assert.deepEqual([failed["outcome"], failed["error"].code], ["untouched", "verify-failed"]);
    const wrong = { version: "9", name: "wrong", up: "SELECT 1", verify: "DELETE FROM a" };
    const refused = await service.post(`/v1/databases/${name}/migrations`, { migrations: [wrong] });
    assert.equal(refused.status, 400);
    assert.equal(refused.body["findings"][0].code, "verify-not-a-query");
  });

  it("fails an undeclared DELETE and lets a declared one through", async () => {
    const loss: Migration = { version: "2", up: "DELETE FROM a WHERE id = 1" };
    const name = await database(ONE, loss);
    const failed = await run(name);
    assert.equal(failed["error"].code, "rows-lost");
    assert.match(failed["error"].hint, /rowLoss/);
    const withdrawal = { reason: "not declared" };
    await service.post(`/v1/databases/${name}/migrations/2/withdrawals`, withdrawal);
    await add(name, { ...loss, allow: { rowLoss: ["a"] } });
    assert.equal((await run(name))["outcome"], "applied");
    assert.equal(query(name, "SELECT count(*) FROM a"), 1);
  });

  it("stops at drift, says what differs, and goes on when it is undone", async () => {
    const name = await database(ONE, TWO);
    await run(name, { to: "1" });
    const db = new Database(file(name));
    db.exec("CREATE TABLE smuggled (x)");
    const failed = await run(name);
    assert.deepEqual([failed["outcome"], failed["error"].code], ["untouched", "drift"]);
    assert.notEqual((await show(name))["drift"], null);
    const { body } = await service.get(`/v1/audit/events?database=${name}&type=DriftDetected`);
    assert.equal(body["items"][0].data.differences[0].name, "smuggled");
    db.exec("DROP TABLE smuggled");
    db.close();
    assert.equal((await run(name))["outcome"], "applied");
    assert.equal((await show(name))["drift"], null);
  });

  it("restores over an older copy of the file that was put in its place", async () => {
    const name = await database(ONE);
    await run(name);
    const older = `${file(name)}.older`;
    copyFileSync(file(name), older);
    const first = (await show(name))["lastBackup"].id;
    await restored(name, first);
    copyFileSync(older, file(name));
    const failed = await run(name, { to: "latest" });
    assert.equal(failed["error"].code, "wrong-incarnation", JSON.stringify(failed));
    await restored(name, first);
    assert.equal((await run(name))["outcome"], "applied");
  });

  async function restored(name: string, backupId: string): Promise<void> {
    const asked = { backupId, reason: "a drill" };
    const { body } = await service.post(`/v1/databases/${name}/restores`, asked);
    for (let tries = 0; tries < 200; tries++) {
      const restore = (await service.get(`/v1/restores/${body["id"]}`)).body;
      assert.notEqual(restore["status"], "failed", JSON.stringify(restore["error"]));
      if (restore["status"] === "succeeded") return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail("the restore did not end");
  }
});
