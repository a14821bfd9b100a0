import assert from "node:assert/strict";
import { EngineChild } from "../../support/engine-child.ts";
import { MODES, ManagedDatabase, Workspace, fileFacts } from "../../support/managed-database.ts";
import { applyOne, onlyOne, failure } from "../../support/step-results.ts";

const DDL = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2)";
const SQL = `CREATE TABLE n (x); INSERT INTO n VALUES (1), (2), (3)`;

const POINTS = [
  ["before-begin", false],
  ["after-begin", false],
  ["statement:2", false],
  ["after-statements", false],
  ["after-marker", false],
  ["after-commit", true],
] as const;

for (const mode of MODES)
  describe(`crashes of a step (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, DDL).install();
    });
    afterEach(() => workspace.remove());

    for (const [stopAt, applied] of POINTS)
      it(`killed at ${stopAt}: recovery finds it ${applied ? "applied" : "not applied"}`, async () => {
        const request = await database.request(SQL, { version: "0001" });
        const { target } = database;
        const child = await EngineChild.stoppedAt({
          target,
          method: "applySteps",
          args: [[request]],
          stopAt,
        });
        await child.kill();
        const attempts = [request.attempt];
        for (let token = 100; token < 102; token += 1) {
          await database.engine.beginRecovery(1000);
          const found = await database.engine.finishRecovery(token, attempts);
          assert.deepEqual(found.phases, applied ? { [request.attempt]: "done" } : {});
          assert.deepEqual(found.applied, applied ? ["0001"] : []);
          assert.equal(found.meta.fence, token);
          assert.equal(found.live.fingerprint === request.expectedBefore, !applied);
        }
        const there = database.value("SELECT count(*) FROM sqlite_schema WHERE name = 'n'");
        assert.equal(there, applied ? 1 : 0);
        assert.equal(
          database.foreign((db) => db.pragma("integrity_check", { simple: true })),
          "ok",
        );
      });

    it("paused before BEGIN and recovered meanwhile: it is fenced and writes nothing", async () => {
      const request = await database.request(SQL);
      const { target } = database;
      const zombie = await EngineChild.stoppedAt({
        target,
        method: "applySteps",
        args: [[request]],
        stopAt: "before-begin",
      });
      await database.engine.beginRecovery(1000);
      await database.engine.finishRecovery(500, [request.attempt]);
      const before = database.content();
      const result = failure(onlyOne(await zombie.resume()));
      assert.deepEqual([result.error.code, result.state], ["fenced", "unchanged"]);
      assert.deepEqual(database.content(), before);
    });

    it("paused with the lock: recovery waits, and finds it applied once it finished", async () => {
      const request = await database.request(SQL);
      const { target } = database;
      const holder = await EngineChild.stoppedAt({
        target,
        method: "applySteps",
        args: [[request]],
        stopAt: "after-marker",
      });
      await assert.rejects(database.engine.beginRecovery(100), { code: "database-locked" });
      const recovery = database.engine.beginRecovery(5000);
      const result = onlyOne(await holder.resume());
      assert.equal(result.status, "done");
      await recovery;
      const found = await database.engine.finishRecovery(500, [request.attempt]);
      assert.deepEqual(found.phases, { [request.attempt]: "done" });
    });

    it("reports the step as done if the commit happened although an error was reported", async () => {
      const request = await database.request(SQL);
      const engine = database.newEngine({
        faults: (point) => {
          if (point === "after-commit") throw new Error("The disk said no after all");
        },
      });
      assert.equal((await applyOne(engine, request)).status, "done");
    });

    it("recovers again after a recovery that died with the lock", async () => {
      const { target } = database;
      const order = { target, method: "beginRecovery", args: [1000] } as const;
      const dying = await EngineChild.stoppedAt({ ...order, stopAt: "recovery-locked" });
      await assert.rejects(database.engine.beginRecovery(50), { code: "database-locked" });
      await dying.kill();
      await database.engine.beginRecovery(1000);
      assert.deepEqual((await database.engine.finishRecovery(500, ["none"])).phases, {});
    });

    it("never lowers the fence", async () => {
      await database.engine.beginRecovery(1000);
      await database.engine.finishRecovery(500, []);
      await database.engine.beginRecovery(1000);
      assert.equal((await database.engine.finishRecovery(7, [])).meta.fence, 500);
    });

    it("refuses to recover a database that is another one", async () => {
      const engine = database.newEngine({}, { databaseId: "other" });
      await engine.beginRecovery(1000);
      const before = database.value("SELECT fence FROM schemaledger_meta");
      await assert.rejects(engine.finishRecovery(500, []), { code: "clone-or-foreign" });
      assert.equal(database.value("SELECT fence FROM schemaledger_meta"), before);
      await assert.rejects(engine.finishRecovery(500, []), { code: "recovery-not-begun" });
    });
  });

describe("non-transactional steps", () => {
  let workspace: Workspace;
  let database: ManagedDatabase;

  beforeEach(async () => {
    workspace = new Workspace();
    database = await new ManagedDatabase(
      workspace,
      "delete",
      `${DDL}; CREATE TABLE waste (x); INSERT INTO waste VALUES (zeroblob(200000)); DROP TABLE waste`,
    ).install();
  });
  afterEach(() => workspace.remove());

  const none = { transaction: "none" as const, version: "0001" };

  it("vacuums between two markers", async () => {
    const request = await database.request("VACUUM;", none);
    const result = await applyOne(database.engine, request);
    assert.equal(result.status, "done", JSON.stringify(result));
    assert.equal(database.value("SELECT freelist_count FROM pragma_freelist_count"), 0);
    assert.equal(
      database.value("SELECT group_concat(phase) FROM schemaledger_marker"),
      "done,started",
    );
  });

  it("changes the journal mode there and back", async () => {
    assert.equal((await database.apply("PRAGMA journal_mode = WAL", none)).status, "done");
    assert.equal(fileFacts(await database.engine.schema()).journalMode, "wal");
    assert.equal((await database.apply("CREATE TABLE x (a)")).status, "done");
    assert.equal((await database.apply("PRAGMA journal_mode = DELETE", none)).status, "done");
    assert.equal(fileFacts(await database.engine.schema()).journalMode, "delete");
  });

  it("says so when the setting does not come into force", async () => {
    await database.apply("PRAGMA journal_mode = WAL", none);
    const result = failure(await database.apply("PRAGMA page_size = 8192; VACUUM", none));
    assert.deepEqual([result.error.code, result.state], ["not-applied", "unknown"]);
  });

  it("changes the page size", async () => {
    assert.equal((await database.apply("PRAGMA page_size = 8192; VACUUM", none)).status, "done");
    assert.equal(fileFacts(await database.engine.schema()).pageSize, 8192);
  });

  it("refuses what is not one of the few such statements", async () => {
    const result = failure(await database.apply("CREATE TABLE x (a)", none));
    assert.deepEqual([result.error.code, result.state], ["not-non-transactional", "unchanged"]);
  });

  const probes = [
    ["statement:1", "absent", "started"],
    ["after-statements", "applied", "started"],
  ] as const;
  for (const [stopAt, answer, phase] of probes)
    it(`killed at ${stopAt}: the probe says ${answer}`, async () => {
      const request = await database.request("VACUUM", none);
      const { target } = database;
      const child = await EngineChild.stoppedAt({
        target,
        method: "applySteps",
        args: [[request]],
        stopAt,
      });
      await child.kill();
      await database.engine.beginRecovery(1000);
      const found = await database.engine.finishRecovery(100, [request.attempt]);
      assert.deepEqual(found.phases, { [request.attempt]: phase });
      assert.deepEqual(found.probes, { [request.attempt]: answer });
      assert.deepEqual(found.applied, answer === "applied" ? ["0001"] : []);
    });
});
