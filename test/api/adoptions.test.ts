import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TestService } from "../support/service.ts";
import { SAMPLE } from "../support/tool-files.ts";
import { HISTORIES } from "../support/tool-histories.ts";

describe("adoptions", () => {
  let service: TestService;
  before(async () => {
    service = await TestService.start();
  });
  after(() => service.stop());

  const pathOf = (name: string): string => join(service.databases, `${name}.db`);

  function inFile<T>(name: string, use: (db: Database.Database) => T): T {
    const db = new Database(pathOf(name));
    try {
      return use(db);
    } finally {
      db.close();
    }
  }

  /** A database as another tool left it, registered. */
  async function given(name: string, ...sql: string[]): Promise<void> {
    inFile(name, (db) => db.exec(sql.join(";\n")));
    const reply = await service.register(name);
    assert.equal(reply.status, 201, reply.text);
  }

  /** A folder below the root that holds these files. */
  function folder(name: string, files: { readonly [file: string]: string }): string {
    const path = join(service.databases, name);
    mkdirSync(path);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
    return path;
  }

  const adopt = (name: string, body: object = {}) =>
    service.post(`/v1/databases/${name}/adoptions`, body);

  const migrations = async (name: string) =>
    (await service.get(`/v1/databases/${name}/migrations`)).body["items"];

  async function migrated(name: string, versions: object[]) {
    const made = await service.post(`/v1/databases/${name}/migrations`, { migrations: versions });
    assert.equal(made.status, 201, made.text);
    const run = await service.post(`/v1/databases/${name}/runs`, {});
    assert.equal(run.status, 202, run.text);
    return (await service.get(`/v1/runs/${run.body["id"]}?wait=20`)).body;
  }

  const withoutDirt = (sql: string): string =>
    sql.replace("20240102000001, 1", "20240102000001, 0");

  it("ask what a history leaves open, and record the decision with its reason", async () => {
    await given("flyway", HISTORIES["flyway"]!.sql, SAMPLE);
    const size = await service.facts();
    const migrationsDir = folder("flyway-files", {
      "V1__init.sql": SAMPLE,
      "V2__bad.sql": "-- bad\n",
      "R__views.sql": "-- v\n",
    });
    const refused = await adopt("flyway", { migrationsDir });
    assert.equal(refused.status, 409, refused.text);
    assert.equal(refused.body["code"], "adoption-undecided");
    assert.match(refused.body["hint"], /--not-applied 2/);
    const decisions = [{ version: "2", as: "not-applied" }];
    const silent = await adopt("flyway", { migrationsDir, decisions });
    assert.equal(silent.body["code"], "reason-missing");
    const other = { decisions: [{ version: "7", as: "applied" }], reason: "?" };
    assert.equal((await adopt("flyway", other)).body["code"], "decision-unneeded");
    assert.equal(await service.facts(), size);

    const body = { migrationsDir, decisions, reason: "Nothing of it is there" };
    const dry = await adopt("flyway", { ...body, dryRun: true });
    assert.equal(dry.status, 200, dry.text);
    assert.equal(dry.body["outcome"], "adopted");
    assert.equal(await service.facts(), size);

    const done = await adopt("flyway", body);
    assert.equal(done.status, 202, done.text);
    const place = `/v1/databases/flyway/adoptions/${done.body["id"]}`;
    assert.equal(done.headers.get("location"), place);
    const [first, second, third] = done.body["migrations"];
    assert.deepEqual(
      [first.version, first.state, first.inForce, first.checksum, first.file],
      ["1", "applied", true, "match", "present"],
    );
    assert.equal(first.claimed.by, undefined);
    assert.equal(first.row["checksum"], -734861040);
    assert.deepEqual([second.state, second.inForce, second.checksum], ["applied", true, "match"]);
    assert.deepEqual([third.version, third.state, third.inForce], ["2", "failed", false]);

    const seen = (await service.get(place)).body;
    assert.deepEqual(seen["migrations"], done.body["migrations"]);
    assert.equal(seen["tables"][0]["reason"], "Nothing of it is there");
    const [known, views, ...rest] = await migrations("flyway");
    assert.deepEqual(rest, []);
    assert.deepEqual([views["version"], views["state"]], [second.version, "applied"]);
    assert.equal(known["state"], "applied");
    assert.equal(known["appliedAt"], undefined);
    assert.equal(known["appliedBy"], undefined);
    assert.equal(known["runId"], undefined);
    assert.equal(known["adopted"]["claimed"]["at"], "2024-01-01T00:00:00.000Z");
  });

  it("leave the database as it is, and change nothing when they are repeated", async () => {
    await given("again", HISTORIES["dbmate"]!.sql, "CREATE TABLE notes (id INTEGER PRIMARY KEY)");
    const rows = () =>
      inFile("again", (db) => db.prepare("SELECT count(*) FROM schemaledger_marker").pluck().get());
    assert.equal((await adopt("again")).status, 202);
    assert.equal(rows(), 0);
    const size = await service.facts();
    const second = await adopt("again");
    assert.equal(second.status, 200, second.text);
    assert.equal(second.body["outcome"], "unchanged");
    assert.equal(await service.facts(), size);
    const { items } = (await service.get("/v1/databases/again/adoptions")).body;
    assert.deepEqual(
      items.map(({ tool, table, rows: count }: Record<string, unknown>) => [tool, table, count]),
      [["dbmate", "schema_migrations", 1]],
    );
  });

  it("let a run apply what is new, and nothing before", async () => {
    await given("goose", HISTORIES["goose"]!.sql, "CREATE TABLE notes (id INTEGER PRIMARY KEY)");
    const early = await service.post("/v1/databases/goose/migrations", {
      migrations: [{ version: "20240101000001", name: "x", up: "CREATE TABLE notes (id)" }],
    });
    assert.equal(early.status, 201);
    const refused = await service.post("/v1/databases/goose/runs", {});
    assert.equal(refused.body["code"], "plan-refused");
    assert.equal(refused.body["findings"][0]["code"], "foreign-history");
    const gone = await service.post("/v1/databases/goose/migrations/20240101000001/withdrawals", {
      reason: "It was another tool's",
    });
    assert.equal(gone.status, 200);

    assert.equal((await adopt("goose")).status, 202);
    const run = await migrated("goose", [
      { version: "20240103000001", name: "text", up: "ALTER TABLE notes ADD COLUMN text" },
    ]);
    assert.equal(run["status"], "succeeded", JSON.stringify(run["error"]));
    assert.deepEqual(
      run["steps"].map(({ version }: { version: string }) => version),
      ["20240103000001"],
    );
    const check = await service.post("/v1/databases/goose/integrity-checks", {});
    const ended = await until(`/v1/integrity-checks/${check.body["id"]}`);
    assert.equal(ended["status"], "passed", JSON.stringify(ended["findings"]));
    const back = await service.post("/v1/databases/goose/rollbacks", { to: "0", reason: "Try" });
    assert.equal(back.body["findings"][0]["code"], "adopted-not-reversible");
    const { items } = (await service.get("/v1/databases/goose/schema/blame?object=notes")).body;
    assert.deepEqual(
      items
        .filter(({ type }: { type: string }) => type === "table" || type === "column")
        .map(({ name, made }: { name: string; made: { kind: string } }) => [name, made.kind]),
      [
        ["notes", "adoption"],
        ["id", "adoption"],
        ["text", "migration"],
      ],
    );
  });

  async function until(path: string) {
    for (;;) {
      const { body } = await service.get(path);
      if (body["status"] !== "running") return body;
      await delay(20);
    }
  }

  it("take over what the tool adds later, and ask about what it took away", async () => {
    await given("later", HISTORIES["dbmate"]!.sql);
    assert.equal((await adopt("later")).status, 202);
    inFile("later", (db) =>
      db.exec("CREATE TABLE extra (id); INSERT INTO schema_migrations VALUES ('20240105000001')"),
    );
    const drifted = await adopt("later", { dryRun: true });
    assert.equal(drifted.body["outcome"], "adopted");
    const more = await adopt("later");
    assert.equal(more.status, 202, more.text);
    assert.deepEqual(
      more.body["migrations"].map(({ version }: { version: string }) => version),
      ["20240105000001"],
    );
    const { drift, fingerprint } = (await service.get("/v1/databases/later")).body;
    assert.equal(drift, null);
    assert.equal(fingerprint, more.body["fingerprint"]);

    inFile("later", (db) => db.exec("DELETE FROM schema_migrations WHERE version > '20240102'"));
    const run = await migrated("later", [{ version: "20240106000001", name: "x", up: "" }]);
    assert.deepEqual([run["error"]["code"], run["outcome"]], ["history-changed", "untouched"]);
    const gone = await adopt("later");
    assert.equal(gone.body["findings"][0]["code"], "history-diverged");
    const decisions = [{ version: "20240105000001", as: "not-applied" }];
    const decided = await adopt("later", { decisions, reason: "It was rolled back" });
    assert.equal(decided.status, 202, decided.text);
    assert.deepEqual(
      (await migrations("later")).map(({ version, state }: Record<string, unknown>) => [
        version,
        state,
      ]),
      [
        ["20240101000001", "applied"],
        ["20240105000001", "reverted"],
        ["20240106000001", "pending"],
      ],
    );
  });

  it("know a version by its file, also when the files come later", async () => {
    await given("files", withoutDirt(HISTORIES["golang-migrate"]!.sql));
    assert.equal((await adopt("files")).status, 202);
    const zeros = [{ version: "020240102000001", name: "x", up: "SELECT 1" }];
    const twin = await service.post("/v1/databases/files/migrations", { migrations: zeros });
    assert.equal(twin.body["code"], "migration-adopted");
    const migrationsDir = folder("files-migrations", {
      "020240101000001_a.up.sql": "SELECT 1;\n",
      "020240102000001_b.up.sql": "SELECT 1;\n",
      "020240103000001_c.up.sql": "SELECT 1;\n",
    });
    const outside = await adopt("files", { migrationsDir: "/etc" });
    assert.equal(outside.body["code"], "outside-roots");
    const done = await adopt("files", { migrationsDir });
    assert.equal(done.status, 202, done.text);
    assert.deepEqual(
      (await migrations("files")).map(({ version, state, checksum }: Record<string, unknown>) => [
        version,
        state,
        checksum !== null,
      ]),
      [
        ["020240101000001", "applied", true],
        ["020240102000001", "applied", true],
        ["20240102000001", "reverted", false],
      ],
    );
    const run = await migrated("files", [
      { version: "020240103000001", name: "c", up: "CREATE TABLE c (id)" },
    ]);
    assert.equal(run["status"], "succeeded", JSON.stringify(run["error"]));
    const back = await service.post("/v1/databases/files/rollbacks", {
      to: "020240102000001",
      reason: "Try",
    });
    const undone = await service.get(`/v1/runs/${back.body["id"]}?wait=20`);
    assert.equal(undone.body["status"], "succeeded", undone.text);
  });

  it("lapse when a backup from before is restored", async () => {
    await given("lapsed", HISTORIES["dbmate"]!.sql);
    const backup = await service.post("/v1/databases/lapsed/backups", {});
    for (;;) {
      const { body } = await service.get(`/v1/databases/lapsed/backups`);
      if (body["items"][0]["status"] === "verified") break;
      await delay(20);
    }
    assert.equal((await adopt("lapsed")).status, 202);
    const restore = await service.post("/v1/databases/lapsed/restores", {
      backupId: backup.body["id"],
      reason: "Try",
    });
    for (;;) {
      const { body } = await service.get(`/v1/restores/${restore.body["id"]}`);
      if (body["status"] === "succeeded") break;
      assert.ok(["queued", "running"].includes(body["status"]), body["error"]?.message);
      await delay(20);
    }
    const run = await service.post("/v1/databases/lapsed/runs", {});
    assert.equal(run.body["findings"][0]["code"], "adoption-lapsed");
    assert.equal((await adopt("lapsed")).status, 202);
    assert.equal((await service.post("/v1/databases/lapsed/runs", {})).status, 202);
    assert.equal((await migrations("lapsed"))[0]["state"], "applied");
  });

  it("survive a rebuild of the state, and are refused where they cannot be", async () => {
    const rebuilt = await service.post("/v1/ledger/rebuild");
    assert.equal(rebuilt.body["identical"], true, rebuilt.text);
    const keyed = { headers: { "Idempotency-Key": "once" } };
    await given("empty", "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)");
    const [first, second] = await Promise.all([
      service.post("/v1/databases/empty/adoptions", {}, keyed),
      adopt("empty"),
    ]);
    assert.deepEqual(
      [first.status, second.status].toSorted((a, b) => a - b),
      [200, 202],
    );
    const again = await service.post("/v1/databases/empty/adoptions", {}, keyed);
    assert.deepEqual([again.status, again.body], [first.status, first.body]);
    await given("code", HISTORIES["dbmate"]!.sql);
    const code = {
      version: "20240101000001",
      name: "code",
      up: "export const up = () => {};",
      language: "javascript",
      files: ["20240101000001_code.mjs"],
    };
    const programs = await adopt("code", { migrations: [code] });
    assert.deepEqual([programs.status, programs.body["code"]], [403, "code-not-allowed"]);
    await service.register("bare");
    assert.equal((await adopt("bare")).body["code"], "history-not-found");
    assert.equal((await adopt("empty", { tool: "nobody" })).status, 400);
    const missing = await service.get("/v1/databases/empty/adoptions/nothing");
    assert.equal(missing.body["code"], "adoption-not-found");
    const token = await service.tokenFor("operator");
    const refused = await service.post("/v1/databases/empty/adoptions", {}, { token });
    assert.equal(refused.status, 403);
  });
});
