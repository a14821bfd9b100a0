import assert from "node:assert/strict";
import { MAJORS } from "../../support/postgres/programs.ts";
import { PostgresServer, postgresServer } from "../../support/postgres/server.ts";

describe("PostgreSQL servers of the tests", () => {
  for (const major of MAJORS) {
    it(`are of major version ${major}`, async () => {
      const server = await postgresServer(major);
      const url = await server.createDatabase();
      const { rows } = await server.query("SELECT current_setting('server_version_num') AS v", url);
      assert.equal(Math.floor(Number(rows[0].v) / 10_000), major);
    });
  }

  it("keep what was committed when they are killed, where they are durable", async () => {
    const server = await PostgresServer.start(18, { durable: true });
    const url = await server.createDatabase();
    await server.query("CREATE TABLE t AS SELECT 1 AS n", url);
    await server.stop("SIGKILL");
    await server.start();
    assert.deepEqual((await server.query("SELECT n FROM t", url)).rows, [{ n: 1 }]);
    await server.dispose();
  });
});
