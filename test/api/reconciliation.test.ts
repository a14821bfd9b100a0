import assert from "node:assert/strict";
import { cp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import { TestService } from "../support/service.ts";

const step = (version: string) => ({
  version,
  name: `step ${version}`,
  up: `CREATE TABLE t${version} (x)`,
});

describe("a verification of the ledger against its databases", () => {
  let service: TestService;

  beforeEach(async () => {
    service = await TestService.start();
    await service.register("shop");
    await migrate("1");
  });
  afterEach(() => service.stop());

  async function migrate(version: string): Promise<void> {
    await service.post("/v1/databases/shop/migrations", { migrations: [step(version)] });
    const { body } = await service.post("/v1/databases/shop/runs");
    const ended = (await service.get(`/v1/runs/${body["id"]}?wait=20`)).body;
    assert.equal(ended["status"], "succeeded", JSON.stringify(ended["error"]));
  }

  const verify = async () => (await service.post("/v1/ledger/verifications")).body;
  const codes = (found: Awaited<ReturnType<typeof verify>>): string[] =>
    found["findings"].map(({ code }: { code: string }) => code);

  it("is ok while they agree, and changes nothing", async () => {
    const size = await service.size();
    const found = await verify();
    assert.deepEqual([found["ok"], found["reconciled"], found["skipped"]], [true, ["shop"], []]);
    assert.equal(await service.size(), size);
  });

  it("compares also what has a run that waits for people", async () => {
    await service.ask("PATCH", "/v1/databases/shop/policy", { body: { approvals: 1 } });
    await service.post("/v1/databases/shop/migrations", { migrations: [step("2")] });
    const { body } = await service.post("/v1/databases/shop/runs");
    assert.equal(body["status"], "awaiting-approval");
    const found = await verify();
    assert.deepEqual([found["ok"], found["reconciled"], found["skipped"]], [true, ["shop"], []]);
  });

  it("finds that the whole data directory is an older one", async () => {
    await service.halt();
    const older = join(service.directory, "older");
    await cp(service.data, older, { recursive: true });
    await service.restart();
    await migrate("2");
    await service.halt();
    await rm(service.data, { recursive: true });
    await rename(older, service.data);
    await service.restart();
    const found = await verify();
    assert.equal(found["ok"], false);
    for (const code of ["ledger-behind-database", "marker-unknown", "drift"])
      assert.ok(codes(found).includes(code), JSON.stringify(found));
  });

  it("finds markers that were taken away and schemas that were changed", async () => {
    const db = new Database(join(service.databases, "shop.db"));
    db.exec("DELETE FROM schemaledger_marker; CREATE TABLE smuggled (x)");
    db.close();
    assert.deepEqual(codes(await verify()).toSorted(), ["drift", "marker-missing"]);
  });
});
