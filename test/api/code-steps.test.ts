import assert from "node:assert/strict";
import { TestService } from "../support/service.ts";

const STEP = {
  version: "1",
  name: "hash",
  language: "javascript",
  up: `export function up(db) { db.exec("CREATE TABLE t (v)"); db.run("INSERT INTO t VALUES (?)", 7); }
    export function down(db) { db.exec("DROP TABLE t"); }`,
};
const CALLS = {
  version: "2",
  name: "calls",
  up: "UPDATE t SET v = doubled(v)",
  functions: "export const doubled = (value) => 2 * value;",
};

describe("Migrations that bring code", () => {
  let service: TestService;

  before(async () => {
    service = await TestService.start();
    await service.register("shop");
  });
  after(() => service.stop());

  const register = (...migrations: readonly object[]) =>
    service.post("/v1/databases/shop/migrations", { migrations });

  it("are refused by a service that was not told to take them", async () => {
    for (const migration of [STEP, CALLS]) {
      const { status, body } = await register(migration);
      assert.deepEqual([status, body.code], [403, "code-not-allowed"]);
      assert.match(body.hint, /--allow-code/);
    }
  });

  it("run with a rehearsal, are shown as what they are, and count as destructive", async () => {
    await service.restart({ allowCode: true });
    const refused = await register({ ...STEP, transaction: "none" });
    assert.equal(refused.body.code, "code-outside-transaction");
    assert.equal((await register({ ...STEP, language: "python" })).status, 400);
    const { status, body } = await register({ ...STEP, down: STEP.up }, CALLS);
    assert.equal(status, 201);
    assert.equal(body.items[0].language, "javascript");
    assert.match(body.items[1].functions, /^sha256:/);
    const changed = await register({ ...CALLS, functions: "export const doubled = () => 0;" });
    assert.equal(changed.body.code, "migration-changed");
    assert.match(changed.body.diff, /functions/);
    const ended = async (path: string, request: object) => {
      const { body: begun } = await service.post(`/v1/databases/shop/${path}`, request);
      return (await service.get(`/v1/runs/${begun.id}?wait=30`)).body;
    };
    const run = await ended("runs", {});
    assert.equal(run.status, "succeeded", JSON.stringify(run.error));
    assert.equal(run.rehearsal.outcome, "passed");
    assert.equal(run.risk, "destructive");
    const back = await ended("rollbacks", { to: "0", reason: "test" });
    assert.equal(back.status, "succeeded", JSON.stringify(back.error));
  });
});
