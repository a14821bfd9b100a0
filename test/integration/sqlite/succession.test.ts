import assert from "node:assert/strict";
import fs, { readlinkSync, realpathSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname } from "node:path";
import type { StepRequest } from "../../../src/domain/engine/database-engine.ts";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { applyOne, done, failure } from "../../support/step-results.ts";

const DDL = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);";

for (const mode of MODES)
  describe(`steps that follow others (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;
    let first: StepRequest;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, DDL).install();
      first = await database.request("CREATE TABLE one (x)");
    });
    afterEach(() => workspace.remove());

    const following = async (
      sql: string,
      before = first,
      more: Partial<StepRequest> = {},
    ): Promise<StepRequest> => ({
      ...(await database.request(sql, { expectedBefore: "none" })),
      follows: before.attempt,
      expectedBefore: null,
      ...more,
    });
    const markers = (): unknown => database.value("SELECT count(*) FROM schemaledger_marker");

    it("are applied one after the other, each with its marker", async () => {
      const second = await following("ALTER TABLE one ADD COLUMN y");
      const third = await following("INSERT INTO one VALUES (1, 2)", second);
      const results = (await database.engine.applySteps([first, second, third])).map(done);
      assert.deepEqual(
        results.map(({ schemaChanges }) => schemaChanges.map(({ change }) => change)),
        [["added"], ["changed"], []],
      );
      assert.equal(results[0]!.fingerprintAfter, results[1]!.fingerprintBefore);
      assert.equal(markers(), 3);
    });

    it("may be sent while those before them run", async () => {
      const second = await following("INSERT INTO t VALUES (2)");
      const third = await following("INSERT INTO t VALUES (3)", second);
      const results = [
        database.engine.applySteps([first, second]),
        applyOne(database.engine, third),
      ];
      for (const result of (await Promise.all(results)).flat()) done(result);
      assert.equal(database.value("SELECT count(*) FROM t"), 3);
    });

    it("keep what was applied before one of them failed, and begin none behind it", async () => {
      const bad = await following("DELETE FROM t");
      const third = await following("INSERT INTO t VALUES (2)", bad);
      const late = await following("INSERT INTO t VALUES (3)", third);
      const together = database.engine.applySteps([first, bad, third]);
      const behind = applyOne(database.engine, late);
      const [kept, failed, left] = await together;
      done(kept!);
      assert.equal(failure(failed!).error.code, "rows-lost");
      for (const result of [left!, await behind]) {
        assert.equal(failure(result).error.code, "step-not-begun");
        assert.equal(failure(result).state, "unchanged");
      }
      assert.equal(markers(), 1);
      assert.equal(database.value("SELECT count(*) FROM t"), 1);
    });

    it("are not begun behind any other step, or none", async () => {
      const alone = await following("INSERT INTO t VALUES (2)");
      assert.equal(failure(await applyOne(database.engine, alone)).error.code, "step-not-begun");
      done(await applyOne(database.engine, first));
      done(await database.apply("INSERT INTO t VALUES (3)"));
      const late = await following("INSERT INTO t VALUES (2)");
      assert.equal(failure(await applyOne(database.engine, late)).error.code, "step-not-begun");
    });

    it("find drift that came after the one before them", async () => {
      done(await applyOne(database.engine, first));
      database.foreign((db) => db.exec("CREATE TABLE meanwhile (x)"));
      const second = await following("INSERT INTO t VALUES (2)");
      assert.equal(failure(await applyOne(database.engine, second)).error.code, "drift");
    });

    it("find a marker that came after the one before them", async () => {
      done(await applyOne(database.engine, first));
      database.foreign((db) =>
        db.exec(
          "INSERT INTO schemaledger_marker SELECT 'x', phase, 'x', '', '', 99, intent_leaf_hash, NULL, '', '' FROM schemaledger_marker",
        ),
      );
      const second = await following("INSERT INTO t VALUES (2)");
      assert.equal(failure(await applyOne(database.engine, second)).error.code, "markers-differ");
    });

    it("are made durable together before anybody hears of them", async () => {
      const file = mode === "wal" ? `${database.path}-wal` : dirname(database.path);
      const synced = spyOnSyncs();
      try {
        const together = [first, await following("INSERT INTO t VALUES (2)")];
        (await database.engine.applySteps(together)).map(done);
        assert.equal(synced.paths.at(mode === "wal" ? 0 : -1), realpathSync(file));
        synced.fail();
        const more = await database.request("INSERT INTO t VALUES (3)");
        const last = await following("INSERT INTO t VALUES (4)", more);
        await assert.rejects(database.engine.applySteps([more, last]), /EIO/);
      } finally {
        synced.restore();
      }
    });

    it("are durable one by one again when they go alone", async () => {
      await database.engine.applySteps([first, await following("INSERT INTO t VALUES (2)")]);
      const verify = `SELECT (SELECT synchronous FROM pragma_synchronous) = ${mode === "wal" ? 2 : 3}`;
      done(await database.apply("UPDATE t SET id = id", { verify }));
    });
  });

/** Notes which files the code syncs by itself, beside what SQLite does. */
function spyOnSyncs() {
  const { fdatasyncSync, fsyncSync } = fs;
  const paths: string[] = [];
  let isBroken = false;
  const spy = (fd: number): void => {
    paths.push(readlinkSync(`/proc/self/fd/${fd}`));
    if (isBroken) throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
  };
  fs.fdatasyncSync = spy;
  fs.fsyncSync = spy;
  syncBuiltinESMExports();
  return {
    paths,
    fail: () => (isBroken = true),
    restore: () => {
      Object.assign(fs, { fdatasyncSync, fsyncSync });
      syncBuiltinESMExports();
    },
  };
}
