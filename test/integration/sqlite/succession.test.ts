import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { StepRequest } from "../../../src/domain/engine/database-engine.ts";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { done, failure } from "../../support/step-results.ts";

const DDL = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);";

for (const mode of MODES)
  describe(`a step that follows another (${mode})`, () => {
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
      more: Partial<StepRequest> = {},
    ): Promise<StepRequest> => ({
      ...(await database.request(sql, { expectedBefore: "none" })),
      follows: first.attempt,
      expectedBefore: null,
      ...more,
    });
    const markers = (): unknown => database.value("SELECT count(*) FROM schemaledger_marker");

    it("commits only when the outcome of the one before it is on record", async () => {
      const second = await following("INSERT INTO t VALUES (2)");
      const results = [database.engine.applyStep(first), database.engine.applyStep(second)];
      done(await results[0]!);
      await delay(50);
      assert.equal(markers(), 1);
      database.engine.recorded(first.attempt);
      done(await results[1]!);
      assert.equal(markers(), 2);
    });

    it("may hear of the record before it begins", async () => {
      done(await database.engine.applyStep(first));
      database.engine.recorded(first.attempt);
      done(await database.engine.applyStep(await following("INSERT INTO t VALUES (2)")));
    });

    it("is not begun if the one before it failed", async () => {
      const bad = { ...first, sql: "DELETE FROM t" };
      const second = await following("INSERT INTO t VALUES (2)");
      const results = [database.engine.applyStep(bad), database.engine.applyStep(second)];
      assert.equal(failure(await results[0]!).error.code, "rows-lost");
      const { error, state } = failure(await results[1]!);
      assert.equal(error.code, "step-not-begun");
      assert.equal(state, "unchanged");
      assert.equal(markers(), 0);
    });

    it("is not begun behind any other step, or none", async () => {
      const alone = await following("INSERT INTO t VALUES (2)");
      assert.equal(failure(await database.engine.applyStep(alone)).error.code, "step-not-begun");
      done(await database.engine.applyStep(first));
      done(await database.apply("INSERT INTO t VALUES (3)"));
      const late = await following("INSERT INTO t VALUES (2)");
      assert.equal(failure(await database.engine.applyStep(late)).error.code, "step-not-begun");
    });

    it("is undone when the ledger takes too long to record the one before it", async () => {
      done(await database.engine.applyStep(first));
      const second = await following("INSERT INTO t VALUES (2)", { lockTimeoutMs: 50 });
      const { error, state } = failure(await database.engine.applyStep(second));
      assert.equal(error.code, "outcome-not-recorded");
      assert.equal(state, "unchanged");
      assert.equal(database.value("SELECT count(*) FROM t"), 1);
      database.foreign((db) => db.exec("INSERT INTO t VALUES (5)"));
    });

    it("finds drift that came after the one before it", async () => {
      done(await database.engine.applyStep(first));
      database.foreign((db) => db.exec("CREATE TABLE meanwhile (x)"));
      const second = await following("INSERT INTO t VALUES (2)");
      assert.equal(failure(await database.engine.applyStep(second)).error.code, "drift");
    });

    it("rolls back when its session ends before the record", async () => {
      const second = await following("INSERT INTO t VALUES (2)");
      done(await database.engine.applyStep(first));
      void database.engine.applyStep(second);
      await delay(50);
      database.engine.close();
      assert.equal(database.value("SELECT count(*) FROM t"), 1);
      assert.equal(markers(), 1);
    });
  });
