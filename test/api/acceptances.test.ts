import assert from "node:assert/strict";
import { TestService } from "../support/service.ts";

const migration = (version: string, up: string) => ({ version, name: `m${version}`, up });

describe("Accepting what deviates", () => {
  let service: TestService;

  before(async () => {
    service = await TestService.start();
    await service.register("shop");
    await register(migration("1", "CREATE TABLE a (x)"), migration("3", "CREATE TABLE c (x)"));
    assert.equal((await run()).status, "succeeded");
  });
  after(() => service.stop());

  const register = (...migrations: readonly object[]) =>
    service.post("/v1/databases/shop/migrations", { migrations });
  const accept = (version: string, body: object) =>
    service.post(`/v1/databases/shop/migrations/${version}/acceptances`, {
      reason: "It was looked at",
      ...body,
    });
  const run = async () => {
    const { body } = await service.post("/v1/databases/shop/runs", {});
    return body.id === undefined ? body : (await service.get(`/v1/runs/${body.id}?wait=30`)).body;
  };
  const shown = async (version: string) => {
    const { body } = await service.get("/v1/databases/shop/migrations");
    return body.items.find((one: { version: string }) => one.version === version);
  };

  it("lets a late one run, by a decision on record", async () => {
    await register(migration("2", "CREATE TABLE b (x)"));
    assert.equal((await run()).code, "plan-refused");
    const { status, body } = await accept("2", { deviation: "out-of-order" });
    assert.deepEqual([status, body.accepted[0].deviation], [200, "out-of-order"]);
    assert.equal(body.accepted[0].by.name, "admin");
    assert.equal((await run()).status, "succeeded");
    const { body: log } = await service.get("/v1/audit/events?type=DeviationAccepted");
    assert.equal(log.items[0].data.reason, "It was looked at");
  });

  it("takes an edited text for what the migration is from here on, and keeps what ran", async () => {
    const edited = { ...migration("3", "CREATE TABLE c (x) -- why"), down: "DROP TABLE c" };
    assert.equal((await register(edited)).body.code, "migration-changed");
    const before = await shown("3");
    const { body } = await accept("3", { deviation: "edited", migration: edited });
    assert.equal(body.state, "applied");
    assert.deepEqual([before.reversible, body.reversible], [false, true]);
    assert.notEqual(body.checksum, before.checksum);
    assert.equal((await register(edited)).status, 200);
    const { body: log } = await service.get("/v1/audit/events?type=StepStarted");
    const started = log.items.find(
      (one: { data: { version: string } }) => one.data.version === "3",
    );
    assert.equal(started.data.checksum, before.checksum);
    const rebuilt = await service.post("/v1/ledger/rebuild");
    assert.equal(rebuilt.status, 200, rebuilt.text);
  });

  it("records that the files of an applied one are gone", async () => {
    const { body } = await accept("1", { deviation: "missing" });
    assert.equal(body.accepted[0].deviation, "missing");
  });

  it("refuses what does not deviate, or is said wrongly, and changes nothing", async () => {
    const facts = await service.facts();
    const same = migration("1", "CREATE TABLE a (x)");
    for (const [version, body, code] of [
      ["1", { deviation: "edited", migration: same }, "nothing-deviates"],
      ["1", { deviation: "edited" }, "acceptance-invalid"],
      ["1", { deviation: "out-of-order" }, "nothing-deviates"],
      ["1", { deviation: "missing", migration: same }, "acceptance-invalid"],
      ["1", { deviation: "edited", migration: { ...same, version: "2" } }, "acceptance-invalid"],
      ["1", { deviation: "edited", migration: { ...same, up: "COMMIT" } }, "migration-refused"],
      ["1", { deviation: "else" }, "invalid-request"],
      ["1", { deviation: "missing", reason: "" }, "invalid-request"],
      ["9", { deviation: "missing" }, "migration-not-found"],
    ] as const)
      assert.equal((await accept(version, body)).body.code, code, JSON.stringify(body));
    assert.equal(await service.facts(), facts);
  });
});
