import assert from "node:assert/strict";
import { EngineChild } from "../../support/engine-child.ts";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { applyOne, onlyOne, done, failure } from "../../support/step-results.ts";

for (const mode of MODES)
  describe(`faults of the disk (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(
        workspace,
        mode,
        "CREATE TABLE t (a); INSERT INTO t VALUES (1)",
      ).install();
    });
    afterEach(() => workspace.remove());

    it("undoes a step for which the files may not grow enough", async () => {
      const before = database.content();
      const request = await database.request(
        "INSERT INTO t VALUES (zeroblob(9000000)); INSERT INTO t VALUES (zeroblob(9000000))",
      );
      const child = await EngineChild.stoppedAt(
        {
          target: database.target,
          method: "applySteps",
          args: [[request]],
          stopAt: "before-begin",
        },
        { mostKiB: 4000 },
      );
      const { error, state } = failure(onlyOne(await child.resume()));
      assert.match(error.code, /^(io-error|disk-full)$/);
      assert.equal(state, "unchanged");
      assert.deepEqual(database.content(), before);
      done(
        await applyOne(database.engine, { ...request, token: request.token + 1, sql: "SELECT 1" }),
      );
    });

    it("says that a file is not writable and leaves it alone", async function () {
      if (process.getuid?.() !== 0) return this.skip();
      const before = database.content();
      const request = await database.request("INSERT INTO t VALUES (2)");
      database.engine.close();
      const { chmodSync } = await import("node:fs");
      chmodSync(workspace.directory, 0o755);
      chmodSync(database.path, 0o644);
      const order = { target: database.target, stopAt: "never" } as const;
      const child = await EngineChild.run(
        { ...order, method: "applySteps", args: [[request]] },
        { uid: 65_534 },
      ).catch(() => undefined);
      // Where another user cannot even read the program, there is nothing to test.
      if (child === undefined) return this.skip();
      const { error, state } = failure(onlyOne(child));
      assert.match(error.code, /^(database-read-only|io-error)$/);
      assert.equal(state, "unchanged");
      assert.deepEqual(database.content(), before);
    });
  });
