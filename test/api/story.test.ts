import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { TestService } from "../support/service.ts";

const MIGRATIONS = [
  {
    version: 1,
    name: "customers",
    up: "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO customer (name) VALUES ('Ada'), ('Grace')",
    down: "DROP TABLE customer",
  },
  {
    version: 2,
    name: "=cmd()",
    up: "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customer (id))",
    down: "DROP TABLE orders",
  },
];

interface Sent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string | undefined;
}

/** The events of a stream, read until the server ends it. */
async function streamed(service: TestService, path: string, last?: string): Promise<Sent[]> {
  const { text } = await service.get(path, {
    headers: {
      accept: "text/event-stream",
      ...(last === undefined ? {} : { "last-event-id": last }),
    },
  });
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
      return { id: field("id"), event: field("event"), data: field("data") };
    });
}

describe("the API", () => {
  let service: TestService;
  let runId: string;

  before(async () => {
    service = await TestService.start();
    await service.register("shop");
  });
  after(() => service.stop());

  it("registers migrations, and the same again as they were", async () => {
    const first = await service.post("/v1/databases/shop/migrations", { migrations: MIGRATIONS });
    assert.equal(first.status, 201);
    assert.deepEqual(
      first.body["items"].map((one: { version: string; state: string }) => [
        one.version,
        one.state,
      ]),
      [
        ["1", "pending"],
        ["2", "pending"],
      ],
    );
    const again = await service.post("/v1/databases/shop/migrations", { migrations: MIGRATIONS });
    assert.equal(again.status, 200);
    assert.deepEqual(again.body, first.body);
  });

  it("shows the difference when a registered migration was changed", async () => {
    const changed = { ...MIGRATIONS[0]!, up: "CREATE TABLE customer (id INTEGER)" };
    const { status, body } = await service.post("/v1/databases/shop/migrations", {
      migrations: [changed],
    });
    assert.equal(status, 409);
    assert.equal(body["code"], "migration-changed");
    assert.match(body["diff"], /^-CREATE TABLE customer/m);
  });

  it("runs a plan, streams its events and ends the stream with it", async () => {
    const plan = await service.post("/v1/databases/shop/plans", { to: "latest" });
    assert.equal(plan.status, 201);
    const { planDigest } = plan.body;
    const run = await service.post("/v1/databases/shop/runs", { planDigest, reason: "go" });
    assert.equal(run.status, 202);
    runId = run.body["id"];
    assert.equal(run.headers.get("location"), `/v1/runs/${runId}`);
    const sent = await streamed(service, `/v1/runs/${runId}/events`);
    assert.equal(sent[0]!.event, "RunRequested");
    assert.equal(sent.at(-1)!.event, "end");
    assert.equal(JSON.parse(sent.at(-1)!.data!).status, "succeeded");
    const ids = sent.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]));
    const listed = await service.get(`/v1/runs/${runId}/events`);
    assert.deepEqual(
      ids,
      listed.body["items"].map(({ index }: { index: number }) => index),
    );
    const recorded = sent.filter(({ id }) => id !== undefined);
    assert.deepEqual(
      recorded.map(({ data }) => JSON.parse(data!)),
      listed.body["items"],
    );
  });

  it("takes up a stream after the last event received, without gap or repetition", async () => {
    const all = (await streamed(service, `/v1/runs/${runId}/events`)).filter(({ id }) => id);
    const rest = await streamed(service, `/v1/runs/${runId}/events`, all[3]!.id);
    assert.deepEqual(
      rest.filter(({ id }) => id),
      all.slice(4),
    );
  });

  it("shows the run, its database and its migrations as they are now", async () => {
    const run = (await service.get(`/v1/runs/${runId}?wait=5`)).body;
    assert.equal(run["status"], "succeeded");
    assert.equal(run["requestedBy"].name, "admin");
    assert.deepEqual(
      run["steps"].map(({ status }: { status: string }) => status),
      ["applied", "applied"],
    );
    const database = (await service.get("/v1/databases/shop")).body;
    assert.equal(database["version"], "2");
    assert.equal(database["pending"], 0);
    assert.equal(database["lastBackup"].id, run["backupId"]);
    assert.equal(database["lastCheck"].status, "passed");
    const migrations = (await service.get("/v1/databases/shop/migrations")).body["items"];
    assert.equal(migrations[1].runId, runId);
    assert.equal(migrations[1].appliedBy.name, "admin");
  });

  it("shows the schema as JSON and as SQL that makes it", async () => {
    const { body } = await service.get("/v1/databases/shop/schema");
    assert.deepEqual(
      body["objects"].map(({ name }: { name: string }) => name),
      ["customer", "orders"],
    );
    const sql = await service.get("/v1/databases/shop/schema", {
      headers: { accept: "application/sql" },
    });
    assert.match(
      sql.text,
      /^-- shop at event .*\n\nCREATE TABLE customer \(.*\);\n\nCREATE TABLE orders/,
    );
  });

  it("pages through the audit history without gap, in every content type", async () => {
    const { body: all } = await service.get("/v1/audit/events?limit=1000");
    const indexes: number[] = [];
    let path = "/v1/audit/events?limit=5";
    for (;;) {
      const { body } = await service.get(path);
      indexes.push(...body["items"].map(({ index }: { index: number }) => index));
      if (body["next"] === null) break;
      path = `/v1/audit/events?limit=5&after=${body["next"]}`;
    }
    assert.deepEqual(indexes, [...all["items"].keys()]);
    const ndjson = await service.get("/v1/audit/events?limit=2", {
      headers: { accept: "application/x-ndjson" },
    });
    assert.deepEqual(
      ndjson.text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
      all["items"].slice(0, 2),
    );
    assert.match(ndjson.headers.get("link") ?? "", /after=1.*rel="next"/);
    const csv = await service.get("/v1/audit/events?type=MigrationRegistered", {
      headers: { accept: "text/csv" },
    });
    const [header, ...lines] = csv.text.trimEnd().split("\r\n");
    assert.match(header!, /^index,id,type,/);
    assert.equal(lines.length, 2);
  });

  it("filters the audit history", async () => {
    const count = async (search: string) =>
      (await service.get(`/v1/audit/events?${search}`)).body["items"].length;
    assert.equal(await count("type=RunRequested"), 1);
    assert.equal(await count("type=RunRequested,RunCompleted&database=shop"), 2);
    assert.equal(await count("type=RunRequested&type=RunCompleted"), 2);
    assert.equal(await count("actor=admin&type=DatabaseRegistered"), 1);
    assert.equal(await count(`runId=${runId}&type=StepApplied`), 2);
    assert.equal(await count("to=2020-01-01T00:00:00Z"), 0);
    assert.equal((await service.get("/v1/audit/events?database=none")).status, 404);
  });

  it("takes, verifies and restores backups", async () => {
    const taken = await service.post("/v1/databases/shop/backups");
    assert.equal(taken.status, 202);
    const path = taken.headers.get("location")!;
    const backup = await until(service, path, ({ status }) => status === "verified");
    assert.equal(backup.rows.customer, 2);
    assert.equal((await service.post(`${path}/verifications`)).status, 202);
    const again = await until(
      service,
      path,
      ({ verification }) => verification.status === "passed",
    );
    assert.ok(again.verification.eventIndex > backup.verification.eventIndex);
    const requests = await service.get(
      `/v1/audit/events?correlationId=${backup.id}&type=BackupVerificationRequested`,
    );
    assert.equal(requests.body["items"].length, 1, "who asked for it is on record");
    const asked = { backupId: backup.id, reason: "as a drill" };
    const restore = await service.post("/v1/databases/shop/restores", asked);
    assert.equal(restore.status, 202);
    const done = await until(service, restore.headers.get("location")!, ({ endedAt }) => endedAt);
    assert.equal(done.status, "succeeded");
    const { body } = await service.get("/v1/databases/shop/restores");
    assert.deepEqual(
      body["items"].map(({ id }: { id: string }) => id),
      [done.id],
    );
    const one = (await service.get("/v1/databases/shop/backups?limit=1")).body;
    const two = (await service.get(`/v1/databases/shop/backups?limit=1&after=${one["next"]}`)).body;
    assert.notEqual(one["items"][0].id, two["items"][0].id);
  });

  it("backs up single tables", async () => {
    const asked = { kind: "table", tables: ["customer"] };
    const taken = await service.post("/v1/databases/shop/backups", asked);
    assert.equal(taken.status, 202);
    const path = taken.headers.get("location")!;
    const backup = await until(service, path, ({ status }) => status === "completed");
    assert.deepEqual([backup.kind, backup.rows], ["table", { customer: 2 }]);
    for (const wrong of [
      { kind: "table" },
      { kind: "full", tables: ["customer"] },
      { kind: "table", tables: ["nobody"] },
    ])
      assert.equal((await service.post("/v1/databases/shop/backups", wrong)).status, 400);
    const reason = "a table is no database";
    const restore = { backupId: backup.id, reason };
    assert.equal((await service.post("/v1/databases/shop/restores", restore)).status, 409);
  });

  it("checks, rolls back, and refuses to cancel what has ended", async () => {
    const check = await service.post("/v1/databases/shop/integrity-checks", { level: "full" });
    assert.equal(check.status, 202);
    const path = check.headers.get("location")!;
    const done = await until(service, path, ({ endedAt }) => endedAt);
    assert.equal(done.status, "passed", JSON.stringify(done));
    const asked = { to: "1", reason: "not yet" };
    const run = await service.post("/v1/databases/shop/rollbacks", asked);
    assert.equal(run.status, 202);
    const ended = (await service.get(`${run.headers.get("location")}?wait=20`)).body;
    assert.equal(ended["outcome"], "rolled-back", JSON.stringify(ended["error"]));
    assert.equal((await service.get("/v1/databases/shop")).body["version"], "1");
    const cancel = await service.post(`/v1/runs/${ended["id"]}/cancel`, { reason: "late" });
    assert.equal(cancel.body["code"], "run-ended");
    const listed = (await service.get("/v1/runs?database=shop&status=succeeded")).body["items"];
    assert.deepEqual(
      listed.map(({ kind }: { kind: string }) => kind),
      ["rollback", "migrate"],
    );
  });

  it("proves itself: verification, rebuild, checkpoint and key", async () => {
    const verified = (await service.post("/v1/ledger/verifications")).body;
    assert.equal(verified["ok"], true, JSON.stringify(verified["findings"]));
    assert.equal(verified["size"], await service.size());
    assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
    const { text } = await service.get("/v1/ledger/checkpoint");
    const [origin, , root] = text.split("\n");
    assert.equal(root, verified["root"]);
    const vkey = (await service.get("/v1/ledger/vkey")).text;
    assert.ok(vkey.startsWith(`${origin}+`));
  });

  it("changes the policy", async () => {
    const changed = await service.ask("PATCH", "/v1/databases/shop/policy", {
      body: { rehearse: false, onFailure: "revert" },
    });
    assert.deepEqual(changed.body["policy"], {
      approvals: 0,
      rehearse: false,
      onFailure: "revert",
    });
  });

  it("answers HEAD like GET, without the body", async () => {
    const { status, text, headers } = await service.ask("HEAD", "/v1/databases/shop");
    assert.equal(status, 200);
    assert.equal(text, "");
    assert.ok(Number(headers.get("content-length")) > 100);
  });

  it("starts again with everything it had, and leaves nothing in the way", async () => {
    const before = (await service.get("/v1/databases/shop")).body;
    await service.restart();
    assert.deepEqual((await service.get("/v1/databases/shop")).body, before);
    assert.deepEqual((await service.get("/readyz")).body["status"], "ok");
    assert.deepEqual(await readdir(`${service.data}/backups/begun`), []);
    assert.deepEqual(service.logged, []);
  });
});

type Seen = ReturnType<typeof JSON.parse>;

/** Asks until it holds; the test's own limit ends the waiting. */
async function until(
  service: TestService,
  path: string,
  holds: (seen: Seen) => unknown,
): Promise<Seen> {
  for (;;) {
    const { body } = await service.get(path);
    if (holds(body)) return body;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
