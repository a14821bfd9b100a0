import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { join } from "node:path";
import { TestService } from "../support/service.ts";

const MIGRATIONS = [
  {
    version: "1",
    name: "orders",
    up: "CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER); INSERT INTO orders (total) VALUES (1), (2)",
    down: "DROP TABLE orders",
  },
  {
    version: "2",
    name: "note",
    up: "ALTER TABLE orders ADD COLUMN note TEXT",
    down: "ALTER TABLE orders DROP COLUMN note",
  },
];

describe("rehearsals on request", () => {
  let service: TestService;
  before(async () => {
    service = await TestService.start();
  });
  after(() => service.stop());

  async function database(name: string, migrations: object[] = MIGRATIONS): Promise<void> {
    await service.register(name);
    const made = await service.post(`/v1/databases/${name}/migrations`, { migrations });
    assert.equal(made.status, 201, made.text);
  }

  async function rehearsed(name: string, body: object = {}) {
    const reply = await service.post(`/v1/databases/${name}/rehearsals`, body);
    assert.equal(reply.status, 202, reply.text);
    assert.equal(reply.headers.get("location"), `/v1/runs/${reply.body["id"]}`);
    return (await service.get(`/v1/runs/${reply.body["id"]}?wait=20`)).body;
  }

  const tablesOf = (name: string): unknown[] => {
    const db = new Database(join(service.databases, `${name}.db`), { readonly: true });
    try {
      return db
        .prepare(
          "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'schemaledger%' AND name NOT LIKE 'sqlite%'",
        )
        .pluck()
        .all();
    } finally {
      db.close();
    }
  };

  it("execute the plan on a copy and leave the database as it is", async () => {
    await database("shop");
    const run = await rehearsed("shop");
    assert.equal(run["status"], "succeeded");
    assert.equal(run["outcome"], "rehearsed");
    assert.deepEqual(
      run["rehearsal"].steps.map((step: { version: string }) => step.version),
      ["1", "2"],
    );
    assert.deepEqual(tablesOf("shop"), []);
    const { body } = await service.get("/v1/databases/shop");
    assert.equal(body["version"], null);
    assert.equal(body["pending"], 2);
    const events = (await service.get(`/v1/runs/${run["id"]}/events`)).body["items"];
    assert.ok(!events.some(({ type }: { type: string }) => type.startsWith("Step")));
  });

  it("execute the downs as well, and say whether every row comes back", async () => {
    await database("down");
    const run = await rehearsed("down", { withDown: true });
    assert.equal(run["status"], "succeeded");
    assert.deepEqual(
      run["rehearsal"].steps.map((step: { version: string; direction: string }) => [
        step.version,
        step.direction,
      ]),
      [
        ["1", "up"],
        ["2", "up"],
        ["2", "down"],
        ["1", "down"],
      ],
    );
    assert.equal(run["rehearsal"].lossless, true);
    assert.deepEqual(tablesOf("down"), []);
  });

  it("fail where a script fails, up or down, and touch nothing", async () => {
    await database("broken", [{ version: "1", name: "x", up: "INSERT INTO nowhere VALUES (1)" }]);
    const up = await rehearsed("broken");
    assert.equal(up["status"], "failed");
    assert.equal(up["outcome"], "untouched");
    await database("wrong", [
      { ...MIGRATIONS[0]!, down: "DROP TABLE orders; CREATE TABLE rest (id INTEGER)" },
    ]);
    const down = await rehearsed("wrong", { withDown: true });
    assert.equal(down["status"], "failed");
    assert.equal(down["error"].code, "fingerprint-differs");
    assert.deepEqual(tablesOf("wrong"), []);
  });

  it("need no approval and no window, but the permission to operate", async () => {
    await database("strict");
    const policy = { approvals: 2, window: { opens: "0 0 1 1 *", minutes: 1, timeZone: "UTC" } };
    await service.ask("PATCH", "/v1/databases/strict/policy", { body: policy });
    assert.equal((await rehearsed("strict"))["status"], "succeeded");
    const token = await service.tokenFor("auditor");
    const refused = await service.post("/v1/databases/strict/rehearsals", {}, { token });
    assert.equal(refused.status, 403);
  });

  it("refuse what cannot be meant", async () => {
    await database("odd", [{ version: "1", name: "x", up: "CREATE TABLE x (id INTEGER)" }]);
    const ask = (body: object) => service.post("/v1/databases/odd/rehearsals", body);
    assert.equal((await ask({ withDown: true })).body["code"], "no-down-script");
    assert.equal((await ask({ withDown: "yes" })).status, 400);
    assert.equal((await ask({ to: "9" })).body["code"], "version-not-registered");
    assert.equal((await ask({ planDigest: "x" })).status, 400);
  });
});
