import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { join } from "node:path";
import { schemaOf } from "../histories/bare.ts";
import { TestService, type Reply } from "../support/service.ts";

/** Every kind of change that a diff by name would misread. */
const MIGRATIONS = [
  "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL); CREATE TABLE ord (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customer (id), total INT CHECK (total >= 0)); CREATE INDEX ord_customer ON ord (customer); INSERT INTO customer (name) VALUES ('Ada'); INSERT INTO ord (customer, total) VALUES (1, 5)",
  "ALTER TABLE ord RENAME COLUMN customer TO customer_id; ALTER TABLE customer ADD COLUMN mail TEXT",
  "ALTER TABLE customer RENAME TO client",
  // A rebuild that adds a constraint and keeps all else.
  "CREATE TABLE ord_new (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES client (id), total INT CHECK (total >= 0), state TEXT NOT NULL DEFAULT 'open'); INSERT INTO ord_new (id, customer_id, total) SELECT id, customer_id, total FROM ord; DROP TABLE ord; ALTER TABLE ord_new RENAME TO ord; CREATE INDEX ord_customer ON ord (customer_id)",
  "CREATE VIEW open_ord AS SELECT * FROM ord WHERE state = 'open'; CREATE TRIGGER closed AFTER UPDATE ON ord BEGIN SELECT 1; END",
  // Two tables change their names.
  "DROP VIEW open_ord; ALTER TABLE ord RENAME TO tmp; ALTER TABLE client RENAME TO ord; ALTER TABLE tmp RENAME TO client",
].map((up, at) => ({ version: at + 1, name: `step ${at + 1}`, up }));

interface Part {
  readonly type: string;
  readonly name: string | null;
  readonly table: string;
  readonly formerNames: readonly string[];
  readonly kind?: string;
  readonly column?: string;
  readonly made: {
    readonly kind: string;
    readonly eventIndex: number;
    migration?: { version: string };
  };
  readonly changed: Part["made"];
}

const by = (origin: Part["made"]): string => origin.migration?.version ?? origin.kind;

const lines = (items: readonly Part[]): string[] =>
  items.map((part) => {
    const name = part.type === "constraint" ? `${part.column ?? ""}:${part.kind}` : part.name;
    const former = part.formerNames.length === 0 ? "" : ` (${part.formerNames.join(", ")})`;
    const of = part.name === part.table ? "" : `${part.table}.`;
    return `${part.type} ${of}${name}${former} ${by(part.made)} ${by(part.changed)}`;
  });

describe("the schema through time", () => {
  let service: TestService;
  /** Index of the event that applied each version. */
  const applied: number[] = [];
  const file = (): string => join(service.databases, "shop.db");

  const run = async (): Promise<void> => {
    const { headers } = await service.post("/v1/databases/shop/runs", { reason: "test" });
    const { body } = await service.get(`${headers.get("location")}?wait=30`);
    assert.equal(body["status"], "succeeded", JSON.stringify(body["error"]));
  };

  /** Status of what was begun, once it has ended. */
  const ended = async (begun: Reply): Promise<string> => {
    const { status } = (await service.get(begun.headers.get("location")!)).body;
    return ["queued", "running", "completed"].includes(status) ? ended(begun) : status;
  };

  before(async function () {
    this.timeout(30_000);
    service = await TestService.start();
    await service.register("shop");
    for (const migration of MIGRATIONS) {
      const answer = await service.post("/v1/databases/shop/migrations", {
        migrations: [migration],
      });
      assert.equal(answer.status, 201, answer.text);
      await run();
      const { body } = await service.get("/v1/audit/events?type=StepApplied&order=desc&limit=1");
      applied.push(body["items"][0].index);
    }
  });
  after(() => service.stop());

  it("gives the schema after every step as a plain replay has it", async () => {
    const bare = new Database(join(service.directory, "bare.db"));
    for (const [at, { up }] of MIGRATIONS.entries()) {
      bare.exec(up);
      const { body } = await service.get(`/v1/databases/shop/schema?at=${applied[at]}`);
      const { fingerprint } = schemaOf(join(service.directory, "bare.db"));
      assert.equal(body["fingerprint"], fingerprint, `after step ${at + 1}`);
      assert.equal(body["since"].index, applied[at]);
      const script = await service.get(`/v1/databases/shop/schema?at=${applied[at]}`, {
        headers: { accept: "application/sql" },
      });
      const built = join(service.directory, `built-${at}.db`);
      const db = new Database(built);
      db.exec(script.text);
      db.close();
      assert.equal(schemaOf(built).fingerprint, fingerprint, `built after step ${at + 1}`);
    }
    bare.close();
  });

  it("takes a time for the newest event that is not later", async () => {
    const { body: event } = await service.get(`/v1/audit/events?after=${applied[1]! - 1}&limit=1`);
    const { time } = event["items"][0];
    const { body } = await service.get(`/v1/databases/shop/schema?at=${encodeURIComponent(time)}`);
    const { body: same } = await service.get(`/v1/databases/shop/schema?at=${applied[1]}`);
    assert.equal(body["fingerprint"], same["fingerprint"]);
  });

  it("names who made and last changed each part", async () => {
    const { body } = await service.get("/v1/databases/shop/schema/blame?limit=1000");
    assert.deepEqual(lines(body["items"]), [
      "table client (ord, tmp) 1 6".replace("(ord, tmp)", "(ord)"),
      "column client.id 1 1",
      "column client.customer_id (customer) 1 2",
      "column client.total 1 1",
      "column client.state 4 4",
      "constraint client.id:primary-key 1 1",
      "constraint client.customer_id:foreign-key 1 1",
      "constraint client.total:check 1 1",
      "constraint client.state:not-null 4 4",
      "table ord (customer, client) 1 6",
      "column ord.id 1 1",
      "column ord.name 1 1",
      "column ord.mail 2 2",
      "constraint ord.id:primary-key 1 1",
      "constraint ord.name:not-null 1 1",
      "index client.ord_customer 1 1",
      "trigger client.closed 5 5",
    ]);
    assert.equal(body["items"][0].changed.eventIndex, applied[5]);
    assert.match(body["items"][0].changed.runId, /^[0-9a-f-]{36}$/);
    assert.equal(body["items"][0].changed.actor.kind, "service");
  });

  it("blames as of a point, one object at a time, page by page", async () => {
    const path = `/v1/databases/shop/schema/blame?at=${applied[1]}&object=ord`;
    const all = await service.get(path);
    assert.deepEqual(lines(all.body["items"]), [
      "table ord 1 2",
      "column ord.id 1 1",
      "column ord.customer_id (customer) 1 2",
      "column ord.total 1 1",
      "constraint ord.id:primary-key 1 1",
      "constraint ord.customer_id:foreign-key 1 1",
      "constraint ord.total:check 1 1",
    ]);
    const paged: Part[] = [];
    for (let next = "", more = true; more;) {
      const page = await service.get(`${path}&limit=2${next}`);
      paged.push(...page.body["items"]);
      more = page.body["next"] !== null;
      next = `&after=${page.body["next"]}`;
    }
    assert.deepEqual(paged, all.body["items"]);
  });

  it("compares any two points", async () => {
    const { body } = await service.get(
      `/v1/databases/shop/schema/diff?from=${applied[1]}&to=${applied[2]}`,
    );
    assert.equal(body["equal"], false);
    assert.deepEqual(
      body["changes"].map(({ change, name }: { change: string; name: string }) => [change, name]),
      [
        ["removed", "customer"],
        ["added", "client"],
        ["changed", "ord"],
      ],
    );
    assert.deepEqual(body["renames"], [
      {
        index: applied[2],
        version: "3",
        tables: [{ from: "customer", to: "client" }],
        columns: [],
      },
    ]);
    const text = await service.get(`/v1/databases/shop/schema/diff?from=${applied[1]}&to=ledger`, {
      headers: { accept: "text/x-diff" },
    });
    assert.match(text.text, /^\+CREATE TRIGGER closed/m);
  });

  it("says when there was nothing yet, or is nothing yet", async () => {
    const early = await service.get("/v1/databases/shop/schema?at=0");
    assert.equal(early.body["code"], "schema-not-known-yet");
    const late = await service.get("/v1/databases/shop/schema?at=999999");
    assert.equal(late.body["code"], "point-not-reached");
    const before = await service.get("/v1/databases/shop/schema/blame?at=2001-01-01T00:00:00Z");
    assert.equal(before.body["code"], "before-ledger");
  });

  it("finds drift against the live database, adopts it as a decision, and blames it", async () => {
    const clean = await service.post("/v1/databases/shop/drift/checks");
    assert.equal(clean.body["drift"], false);
    assert.equal(
      (await service.post("/v1/databases/shop/drift/reversals", { reason: "x" })).body["code"],
      "no-drift",
    );
    const db = new Database(file());
    db.exec("CREATE INDEX sneaked ON ord (mail)");
    db.close();
    const { body: diff } = await service.get("/v1/databases/shop/schema/diff");
    assert.deepEqual(
      diff["changes"].map(({ change, name }: { change: string; name: string }) => [change, name]),
      [["added", "sneaked"]],
    );
    const { body: found } = await service.post("/v1/databases/shop/drift/checks");
    assert.equal(found["drift"], true);
    assert.equal(found["found"], diff["to"].fingerprint);
    const stale = await service.post("/v1/databases/shop/drift/adoptions", {
      found: found["expected"],
      reason: "hot fix",
    });
    assert.equal(stale.body["code"], "drift-changed");
    const adopted = await service.post("/v1/databases/shop/drift/adoptions", {
      found: found["found"],
      reason: "hot fix",
    });
    assert.equal(adopted.status, 200, adopted.text);
    assert.equal(adopted.body["drift"], null);
    const { body } = await service.get("/v1/databases/shop/schema/blame?object=sneaked");
    assert.deepEqual(lines(body["items"]), ["index ord.sneaked drift drift"]);
    await service.post("/v1/databases/shop/migrations", {
      migrations: [{ version: 7, name: "on top", up: "CREATE TABLE late (id)" }],
    });
    await run();
  });

  it("reverts drift by a restore, under which earlier makers stay known", async function () {
    this.timeout(30_000);
    const path = "/v1/databases/shop/schema/blame?limit=1000";
    const { body: before } = await service.get(path);
    const damage = (): void => {
      const db = new Database(file());
      db.exec("DROP TRIGGER closed; DROP VIEW IF EXISTS v; DROP INDEX sneaked");
      db.close();
    };
    damage();
    assert.equal((await service.post("/v1/databases/shop/drift/checks")).body["drift"], true);
    const none = await service.post("/v1/databases/shop/drift/reversals", { reason: "vandals" });
    assert.equal(none.body["code"], "no-backup-of-schema");
    const back = new Database(file());
    back.exec(
      "CREATE INDEX sneaked ON ord (mail); CREATE TRIGGER closed AFTER UPDATE ON client BEGIN SELECT 1; END",
    );
    back.close();
    assert.equal((await service.post("/v1/databases/shop/drift/checks")).body["drift"], false);
    const { body: gone } = await service.get(
      "/v1/audit/events?type=DriftResolved&order=desc&limit=1",
    );
    assert.equal(gone["items"][0].data.decision, "gone");
    const backup = await service.post("/v1/databases/shop/backups", {});
    assert.equal(await ended(backup), "verified");
    damage();
    await service.post("/v1/databases/shop/drift/checks");
    const reverted = await service.post("/v1/databases/shop/drift/reversals", {
      reason: "vandals",
    });
    assert.equal(reverted.status, 202, reverted.text);
    assert.equal(await ended(reverted), "succeeded");
    const { body: after } = await service.get(path);
    assert.deepEqual(after["items"], before["items"]);
    const { body: database } = await service.get("/v1/databases/shop");
    assert.equal(database["drift"], null);
  });

  it("gives the same answers after a restart", async function () {
    this.timeout(20_000);
    const before = await service.get("/v1/databases/shop/schema/blame?limit=1000");
    await service.restart();
    const again = await service.get("/v1/databases/shop/schema/blame?limit=1000");
    assert.deepEqual(again.body["items"], before.body["items"]);
    assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
  });
});

describe("metrics", () => {
  it("are those of the runs that were made", async function () {
    this.timeout(20_000);
    const service = await TestService.start();
    try {
      await service.register("one");
      const migrations = [
        { version: 1, name: "t", up: "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)" },
      ];
      await service.post("/v1/databases/one/migrations", { migrations });
      const { headers } = await service.post("/v1/databases/one/runs", {});
      await service.get(`${headers.get("location")}?wait=20`);
      const { body } = await service.get("/v1/audit/metrics?database=one");
      assert.equal(body["total"].runs.succeeded, 1);
      assert.deepEqual(body["total"].rows, { added: 2, removed: 0 });
      assert.equal(body["byDatabase"][0].database, "one");
      assert.deepEqual(body["byMigration"][0].durationsMs.count, 1);
      assert.ok(body["total"].backups.bytes > 0);
      const none = await service.get("/v1/audit/metrics?from=2030-01-01T00:00:00Z");
      assert.equal(none.body["total"].runs.requested, 0);
      const reversed = "/v1/audit/metrics?from=2030-01-01T00:00:00Z&to=2029-01-01T00:00:00Z";
      assert.equal((await service.get(reversed)).body["code"], "period-reversed");
    } finally {
      await service.stop();
    }
  });
});

describe("reads of the audit history", () => {
  it("are recorded, of who and what, and again when the service ends", async () => {
    const service = await TestService.start({ auditReads: "all" });
    try {
      const token = await service.tokenFor("auditor");
      await service.get("/v1/audit/events?type=LedgerOpened", { token });
      await service.get("/v1/audit/events", { token, headers: { accept: "text/csv" } });
      await service.restart();
      const { body } = await service.get("/v1/audit/events?type=AuditAccessed");
      const [event] = body["items"];
      assert.equal(event.actor.name, "the auditor");
      assert.equal(event.stream, "service");
      assert.equal(event.data.answers, 2);
      assert.deepEqual(
        event.data.shown.map(({ format, query }: Record<string, unknown>) => [format, query]),
        [
          ["application/json", { type: "LedgerOpened" }],
          ["text/csv", {}],
        ],
      );
    } finally {
      await service.stop();
    }
  });
});
