import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { TestService, type Reply } from "../support/service.ts";

describe("lists by time, status and kind", () => {
  let service: TestService;
  let between: string;

  before(async function () {
    this.timeout(60_000);
    service = await TestService.start();
    for (const name of ["shop", "other"]) await service.register(name);
    await ended("backups", await begin("shop", "backups", {}));
    await ended("integrity-checks", await begin("shop", "integrity-checks", { level: "quick" }));
    await delay(5);
    between = new Date().toISOString();
    await delay(5);
    await service.post("/v1/databases/shop/migrations", {
      migrations: [{ version: "1", name: "one", up: "CREATE TABLE a (x)" }],
    });
    const run = await begin("shop", "runs", {});
    await service.get(`/v1/runs/${run}?wait=20`);
    await ended("backups", await begin("shop", "backups", { tables: ["a"] }));
    await ended("integrity-checks", await begin("shop", "integrity-checks", { level: "full" }));
    await ended("backups", await begin("other", "backups", {}));
  });
  after(() => service.stop());

  const begin = async (name: string, what: string, body: object): Promise<string> =>
    (await service.post(`/v1/databases/${name}/${what}`, body)).body["id"];

  async function ended(what: string, id: string): Promise<void> {
    for (;;) {
      const { status, kind } = (await service.get(`/v1/${what}/${id}`)).body;
      assert.notEqual(status, "failed");
      if (["verified", "passed"].includes(status)) return;
      if (status === "completed" && kind === "table") return;
    }
  }

  const list = async (path: string): Promise<Reply["body"][]> =>
    (await service.get(`/v1/${path}`)).body["items"];

  it("narrow backups", async () => {
    const kinds = async (query: string) =>
      (await list(`databases/shop/backups${query}`)).map(
        ({ kind, purpose }) => `${kind} ${purpose}`,
      );
    assert.deepEqual(await kinds(""), ["table manual", "full run", "full manual"]);
    assert.deepEqual(await kinds("?kind=full"), ["full run", "full manual"]);
    assert.deepEqual(await kinds("?purpose=run"), ["full run"]);
    assert.deepEqual(await kinds("?status=verified&kind=table"), []);
    assert.deepEqual(await kinds(`?to=${between}`), ["full manual"]);
    assert.deepEqual(await kinds(`?from=${between}`), ["table manual", "full run"]);
    assert.deepEqual(await kinds(`?from=${between}&to=${between}`), []);
  });

  it("go on from page to page with the same filter", async () => {
    const first = (await service.get("/v1/databases/shop/backups?kind=full&limit=1")).body;
    assert.equal(first["items"][0].purpose, "run");
    const next = `/v1/databases/shop/backups?kind=full&limit=1&after=${first["next"]}`;
    const second = (await service.get(next)).body;
    assert.deepEqual([second["items"][0].purpose, second["next"]], ["manual", null]);
  });

  it("narrow runs and checks", async () => {
    assert.equal((await list("runs?kind=rollback")).length, 0);
    assert.equal((await list(`runs?kind=migrate&status=succeeded&from=${between}`)).length, 1);
    assert.equal((await list(`runs?to=${between}`)).length, 0);
    const levels = async (query: string) =>
      (await list(`databases/shop/integrity-checks${query}`)).map(({ level }) => level);
    assert.deepEqual(await levels("?level=full"), ["full"]);
    assert.deepEqual(await levels(`?to=${between}`), ["quick"]);
    assert.equal((await levels("?status=passed")).length, 3);
  });

  it("refuse what is no filter", async () => {
    for (const query of ["kind=half", "status=odd", "from=yesterday", "colour=red"])
      assert.equal((await service.get(`/v1/databases/shop/backups?${query}`)).status, 400, query);
    assert.equal((await service.get("/v1/backup-metrics?database=none")).status, 404);
  });

  it("sum backups up", async () => {
    const sums = (await service.get("/v1/backup-metrics?database=shop")).body;
    assert.deepEqual([sums["database"], sums["count"]], ["shop", 3]);
    assert.deepEqual([sums["byStatus"].verified, sums["byStatus"].completed], [2, 1]);
    assert.ok(sums["bytes"] > 0 && sums["storedBytes"] > 0 && sums["dedupRatio"] > 0);
    assert.equal(sums["durationMs"].count, 3);
    assert.ok(sums["lastVerifiedAt"] >= sums["oldestAt"]);
    const all = (await service.get("/v1/backup-metrics")).body;
    assert.deepEqual([all["database"], all["count"]], [null, 4]);
    const early = (await service.get(`/v1/backup-metrics?to=${between}`)).body;
    assert.equal(early["count"], 1);
  });
});
