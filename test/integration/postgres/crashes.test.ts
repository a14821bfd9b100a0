import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { StepRequest } from "../../../src/domain/engine/database-engine.ts";
import { EngineChild } from "../../support/engine-child.ts";
import { CuttingProxy } from "../../support/postgres/cutting-proxy.ts";
import { ManagedPostgres } from "../../support/postgres/managed-postgres.ts";
import { PostgresServer } from "../../support/postgres/server.ts";
import { MAJORS } from "../../support/postgres/programs.ts";
import { applyOne, done, failure } from "../../support/step-results.ts";

const LONG = process.env["SCHEMALEDGER_CHAOS"] === "long";
const DDL = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 2000)";
const SQL = "CREATE TABLE n (x int); INSERT INTO n VALUES (1), (2), (3)";
const INDEX = "CREATE INDEX CONCURRENTLY t_again ON t (id, (id * 2))";

const POINTS = [
  ["before-begin", false],
  ["after-begin", false],
  ["statement:2", false],
  ["after-statements", false],
  ["after-marker", false],
  ["after-commit", true],
] as const;

/** Points of a step outside a transaction, and whether the index is there afterwards. */
const OUTSIDE = [
  ["before-begin", false],
  ["after-begin", false],
  ["statement:1", false],
  ["after-statements", true],
  ["after-marker", true],
  ["after-commit", true],
] as const;

for (const major of LONG ? MAJORS : ([15] as const))
  describe(`crashes of a step on PostgreSQL ${major}`, () => {
    let server: PostgresServer;
    let database: ManagedPostgres;
    let token = 1000;

    // One server for all, and one database: each attempt is an attempt of its own.
    before(async () => {
      server = await PostgresServer.start(major, { durable: true });
      database = await ManagedPostgres.create(server, DDL);
    });
    after(async () => {
      await database.close();
      await server.dispose();
    });
    afterEach(async () => {
      await database.rows("DROP TABLE IF EXISTS n");
      await database.rows("DROP INDEX IF EXISTS t_again");
    });

    /** What recovery says of the attempt; asked twice, it says the same. */
    const recovered = async ({ attempt }: StepRequest): Promise<boolean> => {
      const engine = database.newEngine();
      const told: boolean[] = [];
      for (let times = 0; times < 2; times += 1) {
        await engine.beginRecovery(20_000);
        const found = await engine.finishRecovery((token += 1), [attempt]);
        assert.equal(found.meta.fence, token);
        told.push(found.phases[attempt] === "done" || found.probes[attempt] === "applied");
        if (found.phases[attempt] === "started")
          assert.notEqual(found.probes[attempt], "unknown", JSON.stringify(found.probes));
      }
      assert.equal(told[0], told[1]);
      return told[0]!;
    };

    const isThere = async (): Promise<boolean> =>
      (await database.value("SELECT to_regclass('n') IS NOT NULL")) === true;
    const index = async (): Promise<string> =>
      ((await database.value(
        "SELECT CASE WHEN indisvalid THEN 'valid' ELSE 'invalid' END FROM pg_index WHERE indexrelid = to_regclass('t_again')",
      )) ?? "absent") as string;

    const ours = async (): Promise<unknown> =>
      database.value(
        `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND pid <> pg_backend_pid() AND state = 'active'`,
      );

    const stopped = (request: StepRequest, stopAt: string): Promise<EngineChild> => {
      const { target } = database;
      return EngineChild.stoppedAt({ target, method: "applySteps", args: [[request]], stopAt });
    };
    const next = (sql: string, more: Partial<StepRequest> = {}): Promise<StepRequest> =>
      database.request(sql, { token: (token += 1), ...more });

    for (const [stopAt, applied] of some(POINTS, "after-begin", "after-marker", "after-commit"))
      it(`killed at ${stopAt}: recovery finds it ${applied ? "applied" : "not applied"}`, async () => {
        const request = await next(SQL);
        const child = await stopped(request, stopAt);
        await child.kill();
        assert.equal(await recovered(request), applied);
        assert.equal(await isThere(), applied);
      });

    for (const [stopAt, applied] of some(OUTSIDE, "statement:1", "after-statements"))
      it(`killed at ${stopAt} outside a transaction: the index is ${applied ? "there" : "not there"}`, async () => {
        const request = await next(INDEX, { transaction: "none" });
        const child = await stopped(request, stopAt);
        await child.kill();
        assert.equal(await recovered(request), applied);
        assert.equal(await index(), applied ? "valid" : "absent");
      });

    it("killed while an index is built: nothing invalid is left", async () => {
      const reader = await holdSnapshot(server, database.target.url);
      const request = await next(INDEX, { transaction: "none" });
      const { target } = database;
      const child = await EngineChild.stoppedAt({
        target,
        method: "applySteps",
        args: [[request]],
        stopAt: "statement:1",
      });
      void child.resume().catch(() => undefined);
      await until(async () => (await index()) === "invalid");
      await child.kill();
      // The server notices that its client has gone, and gives the build up.
      await until(async () => (await ours()) === "0");
      await reader.end();
      assert.equal(await recovered(request), false);
      assert.equal(await index(), "absent");
    });

    for (const [stopAt] of some([["statement:2"], ["after-marker"]] as const, "after-marker"))
      it(`its backend ended at ${stopAt}: not applied, and said to be unchanged`, async () => {
        const request = await next(SQL);
        const child = await stopped(request, stopAt);
        await database.rows(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'schemaledger/${database.target.databaseId}' AND state LIKE 'idle in%'`,
        );
        const [result] = (await child.resume()) as Parameters<typeof failure>;
        const { state, error } = failure(result);
        assert.deepEqual([state, error.code], ["unchanged", "database-unreachable"]);
        assert.equal(await recovered(request), false);
        assert.equal(await isThere(), false);
      });

    for (const [stopAt] of some(
      [["after-begin"], ["after-marker"], ["after-commit"]] as const,
      "after-marker",
    ))
      it(`the server killed at ${stopAt} and started again: one outcome`, async () => {
        const request = await next(SQL);
        const child = await stopped(request, stopAt);
        await server.stop("SIGKILL");
        const started = server.start();
        const [result] = (await child.resume()) as Parameters<typeof failure>;
        await started;
        const applied = stopAt === "after-commit";
        assert.equal(result.status, applied ? "done" : "failed", JSON.stringify(result));
        if (result.status === "failed") assert.equal(result.state, "unchanged");
        assert.equal(await recovered(request), applied);
        assert.equal(await isThere(), applied);
      });

    it("the answer to COMMIT lost: the marker says that it is applied", async () => {
      const proxy = await CuttingProxy.start(server.port);
      const url = database.target.url.replace(`:${server.port}/`, `:${proxy.port}/`);
      const request = await next(SQL);
      const engine = database.newEngine(() => {}, { url });
      proxy.cutAfter("COMMIT; CLOSE ALL");
      done(await applyOne(engine, request));
      assert.equal(proxy.cuts, 1);
      assert.equal(await recovered(request), true);
      await engine.close();
      await proxy.stop();
    });

    it("paused and recovered meanwhile: it is fenced and writes nothing", async () => {
      const request = await next(SQL);
      const zombie = await stopped(request, "before-begin");
      assert.equal(await recovered(request), false);
      const [result] = (await zombie.resume()) as Parameters<typeof failure>;
      assert.equal(failure(result).error.code, "fenced");
      assert.equal(await isThere(), false);
    });

    it("paused with the lock and given up: its backend is ended and it writes nothing", async () => {
      const request = await next(SQL);
      const zombie = await stopped(request, "after-marker");
      zombie.process.kill("SIGSTOP");
      assert.equal(await recovered(request), false);
      zombie.process.kill("SIGCONT");
      const [result] = (await zombie.resume()) as Parameters<typeof failure>;
      failure(result);
      assert.equal(await isThere(), false);
    });
  });

/** All in the long form, else those of the names. */
function some<T extends readonly [string, ...unknown[]]>(
  all: readonly T[],
  ...names: readonly T[0][]
): readonly T[] {
  return all.filter(([name]) => LONG || names.includes(name));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let times = 0; !(await holds()); times += 1) {
    assert.ok(times < 400, "it never came to hold");
    await pause(25);
  }
}

/** A transaction that an index build waits for. */
async function holdSnapshot(server: PostgresServer, url: string) {
  const client = await server.client(url);
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await client.query("SELECT count(*) FROM t");
  return client;
}
