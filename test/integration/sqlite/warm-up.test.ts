import assert from "node:assert/strict";
import { ProcessExecutor } from "../../../src/infra/executor/process-executor.ts";
import { warmUp } from "../../../src/infra/sqlite/warm-up.ts";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { quietHost } from "../../support/executor.ts";
import { applyOne, done } from "../../support/step-results.ts";

describe("warming up", () => {
  it("runs every kind of step without a fault", async () => {
    let steps = 0;
    await warmUp(() => {
      steps += 1;
      return false;
    });
    assert.ok(steps > 100, `only ${steps} steps`);
  });

  it("ends as soon as there is work", async () => {
    let steps = 0;
    await warmUp(() => ++steps === 3);
    assert.equal(steps, 3);
  });

  it("gives way to a session that comes meanwhile", async () => {
    const workspace = new Workspace();
    const executor = new ProcessExecutor({ spare: 1, warmUp: true });
    try {
      const database = await new ManagedDatabase(
        workspace,
        MODES[0],
        "CREATE TABLE t (x)",
      ).install();
      const request = await database.request("INSERT INTO t VALUES (1)");
      database.engine.close();
      await executor.warm();
      const session = await executor.open(database.target, quietHost);
      done(await applyOne(session.engine, request));
      await session.close();
      assert.equal(database.value("SELECT count(*) FROM t"), 1);
    } finally {
      await executor.close();
      workspace.remove();
    }
  });
});
