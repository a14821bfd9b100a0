import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { LOCK_WAIT_MS } from "../../../src/infra/postgres/engine/transaction.ts";
import { ManagedPostgres } from "../../support/postgres/managed-postgres.ts";
import { postgresServer, stopPostgresServers } from "../../support/postgres/server.ts";
import { applyOne, done, failure } from "../../support/step-results.ts";

const DDL =
  "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT g, 0 FROM generate_series(1, 100) g";

describe("locks of steps on PostgreSQL", () => {
  let database: ManagedPostgres;

  before(async () => {
    database = await ManagedPostgres.create(await postgresServer(18), DDL);
  });
  after(async () => {
    await database.close();
    await stopPostgresServers();
  });

  it("never make an application that reads and writes wait longer than the budget", async () => {
    const { server, target } = database;
    // A report that reads the table for a while, and clients that come and go.
    const report = await server.client(target.url);
    await report.query("BEGIN; SELECT count(*) FROM t");
    const clients = await Promise.all([1, 2, 3].map(() => server.client(target.url)));
    let stop = false;
    const waits: number[] = [];
    const work = clients.map(async (client, at) => {
      for (let turn = 0; !stop; turn += 1) {
        const began = performance.now();
        if (turn % 2 === 0) await client.query(`SELECT sum(n) FROM t`);
        else await client.query(`UPDATE t SET n = n + 1 WHERE id = ${at + 1}`);
        waits.push(performance.now() - began);
        await pause(3);
      }
    });
    const request = await database.request("ALTER TABLE t ADD COLUMN more int", {
      lockTimeoutMs: 10_000,
    });
    const applying = applyOne(database.engine, request);
    // Far longer than the budget: whoever waits behind a waiting ALTER would wait as long.
    await pause(2000);
    await report.query("COMMIT");
    const { findings } = done(await applying);
    stop = true;
    await Promise.all(work);
    await Promise.all([report, ...clients].map((client) => client.end()));
    const retried = findings.find(({ code }) => code === "lock-retried");
    assert.match(retried?.message ?? "", /tried ([2-9]|\d\d) times/);
    const details = database.progress.flatMap(({ detail }) => detail ?? []);
    assert.ok(
      details.some((detail) => detail.endsWith("tried 1 time")),
      "each try is visible",
    );
    // What a machine that is busy with other things adds is not the locks'.
    const slack = 1000;
    assert.ok(Math.max(...waits) < LOCK_WAIT_MS + slack, `${Math.max(...waits)} ms`);
    assert.ok(waits.length > 20);
  });

  it("are given up at the deadline, with nothing done", async () => {
    const { server, target } = database;
    const reader = await server.client(target.url);
    await reader.query("BEGIN; SELECT count(*) FROM t");
    const result = failure(await database.apply("DROP TABLE t", { lockTimeoutMs: 500 }));
    assert.deepEqual([result.error.code, result.state], ["database-locked", "unchanged"]);
    await reader.query("COMMIT");
    await reader.end();
  });

  it("are tried again after a deadlock", async () => {
    for (const name of ["a", "b"]) await database.rows(`CREATE TABLE ${name} (x int)`);
    const other = await database.server.client(database.target.url);
    await other.query("BEGIN; LOCK TABLE b");
    let first = true;
    const faults = async (point: string): Promise<void> => {
      if (point !== "statement:2" || !first) return;
      first = false;
      // It waits for what the step has, and the step will wait for what it has.
      void other.query("LOCK TABLE a").then(() => other.query("COMMIT"));
      await pause(50);
    };
    const request = await database.request("ALTER TABLE a ADD y int; ALTER TABLE b ADD y int");
    done(await applyOne(database.newEngine(faults), request));
    await other.end();
  });

  it("let one instance at a time work on a database", async () => {
    const first = await database.request("SELECT pg_sleep(0.4); CREATE TABLE one ()");
    const second = await database.request("CREATE TABLE two ()", { lockTimeoutMs: 100 });
    const running = applyOne(database.newEngine(), first);
    await pause(150);
    const result = failure(await applyOne(database.newEngine(), second));
    assert.equal(result.error.code, "database-locked");
    done(await running);
  });
});
