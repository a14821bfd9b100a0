import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { programsFor } from "../../src/infra/postgres/engine/programs.ts";
import {
  postgresServer,
  stopPostgresServers,
  type PostgresServer,
} from "../support/postgres/server.ts";
import { TestService, type Reply } from "../support/service.ts";

const SECRET = "so-geheim-ist-das";
const UP =
  "CREATE TABLE users (id int PRIMARY KEY, mail text); INSERT INTO users VALUES (1, 'a'), (2, 'b')";
const INDEX = "CREATE INDEX CONCURRENTLY users_mail ON users (mail)";

/** Files below a directory that hold the text. */
const filesWith = (directory: string, text: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text));

describe("PostgreSQL databases over HTTP", () => {
  let service: TestService;
  let server: PostgresServer;

  before(async () => {
    service = await TestService.start();
    server = await postgresServer(15);
  });
  after(async () => {
    await service.stop();
    await stopPostgresServers();
  });

  const withPassword = (url: string): string => url.replace("postgres@", `postgres:${SECRET}@`);
  const register = (name: string, url: string, more: object = {}): Promise<Reply> =>
    service.post("/v1/databases", { name, engine: "postgres", url, ...more });
  const add = async (name: string, ...migrations: readonly object[]): Promise<void> => {
    const { status, text } = await service.post(`/v1/databases/${name}/migrations`, { migrations });
    assert.equal(status, 201, text);
  };
  const ended = async (path: string): Promise<Reply["body"]> => {
    for (;;) {
      const { body } = await service.get(path);
      if (!["queued", "running", "completed"].includes(body["status"])) return body;
    }
  };
  const run = async (name: string, body: object = {}): Promise<Reply["body"]> => {
    const { body: started } = await service.post(`/v1/databases/${name}/runs`, body);
    return (await service.get(`/v1/runs/${started["id"]}?wait=25`)).body;
  };

  it("are migrated, rolled back and restored as SQLite's are", async function () {
    // Its databases are made, dumped, restored and dropped by processes of their own.
    this.timeout(60_000);
    // Debian and others have the programs in packages of their own.
    const has = await programsFor(150_000).then(
      () => true,
      () => false,
    );
    if (!has) return this.skip();
    const url = await server.createDatabase();
    const registered = await register("shop", withPassword(url));
    assert.equal(registered.status, 201, registered.text);
    assert.equal(registered.body["url"], url);
    await add(
      "shop",
      { version: "1", name: "users", up: UP, down: "DROP TABLE users" },
      {
        version: "2",
        name: "index",
        up: INDEX,
        transaction: "none",
        down: "DROP INDEX CONCURRENTLY users_mail",
      },
      { version: "3", name: "mail", up: "ALTER TABLE users DROP COLUMN mail" },
    );
    const done = await run("shop");
    assert.equal(done["status"], "succeeded", JSON.stringify(done));
    const { items } = (await service.get(`/v1/runs/${done["id"]}/events`)).body;
    const types = new Set(items.map(({ type }: { type: string }) => type));
    for (const type of [
      "BackupVerified",
      "RehearsalCompleted",
      "TableBackupCompleted",
      "StepApplied",
    ])
      assert.ok(types.has(type), type);
    const back = await service.post("/v1/databases/shop/restores", {
      backupId: done["backupId"],
      reason: "test",
    });
    const restored = await ended(`/v1/restores/${back.body["id"]}`);
    assert.equal(restored["status"], "succeeded", JSON.stringify(restored));
    const { rows } = await server.query("SELECT to_regclass('users') AS users", url);
    assert.deepEqual(rows, [{ users: null }]);
    const { body: now } = await service.get("/v1/databases/shop");
    assert.deepEqual([now["version"], now["pending"], now["quarantine"]], [null, 3, null]);
    const left = await server.query(
      "SELECT datname FROM pg_database WHERE datname LIKE 'schemaledger\\_%'",
    );
    assert.deepEqual(left.rows, []);
  });

  it("go without a backup only where the policy says so, and then not without a word", async () => {
    const url = await server.createDatabase();
    const policy = { backup: "none", rehearse: false };
    assert.equal(
      (await register("bare", url, { policy: { backup: "none" } })).body["code"],
      "rehearsal-needs-backup",
    );
    assert.equal((await register("bare", url, { policy })).status, 201);
    await add("bare", { version: "1", name: "users", up: UP, down: "DROP TABLE users" });
    const rehearsed = await service.post("/v1/databases/bare/runs", { rehearse: true });
    assert.equal(rehearsed.body["code"], "rehearsal-needs-backup");
    const done = await run("bare");
    assert.equal(done["status"], "succeeded", JSON.stringify(done));
    const { items } = (await service.get(`/v1/runs/${done["id"]}/events`)).body;
    const started = items.find(({ type }: { type: string }) => type === "RunStarted");
    assert.equal(started.data.withoutBackup, true);
    const rollback = await service.post("/v1/databases/bare/rollbacks", {
      to: "0",
      strategy: "down",
      reason: "test",
    });
    const undone = (await service.get(`/v1/runs/${rollback.body["id"]}?wait=25`)).body;
    assert.equal(undone["status"], "succeeded", JSON.stringify(undone));
    const sqlite = {
      name: "file",
      engine: "sqlite",
      url: join(service.databases, "f.db"),
      create: true,
      policy,
    };
    assert.equal((await service.post("/v1/databases", sqlite)).body["code"], "backup-needed");
  });

  it("are refused with a word that helps", async () => {
    const url = await server.createDatabase();
    const code = async (text: string): Promise<string> => (await register("no", text)).body["code"];
    assert.equal(await code(url.replace(/\/[^/]*$/, "/missing")), "database-missing");
    assert.equal(await code(url.replace("postgres@", "nobody@")), "database-login-refused");
    assert.equal(await code(url.replace(/:\d+\//, ":1/")), "database-unreachable");
    assert.equal(await code("postgres://x"), "url-invalid");
    assert.equal((await register("once", url)).status, 201);
    assert.equal(await code(url), "url-registered");
    assert.equal(await code(url.replace("127.0.0.1", "localhost")), "url-registered");
    await server.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
      url,
    );
    const copy = await server.createDatabase(url.split("/").at(-1));
    assert.equal(await code(copy), "clone");
  });

  it("say what scripts cannot be run", async () => {
    const migrations = [{ version: "9", name: "x", up: "VACUUM users" }];
    const { status, body } = await service.post("/v1/databases/once/migrations", { migrations });
    assert.deepEqual(
      [status, body["code"], body["findings"][0].code],
      [400, "migration-refused", "needs-no-transaction"],
    );
  });

  it("leave no password in ledger, logs and answers, and none to be guessed from a digest", async () => {
    const url = withPassword(await server.createDatabase());
    const headers = { "idempotency-key": "with a password" };
    const body = { name: "secret", engine: "postgres", url };
    const first = await service.post("/v1/databases", body, { headers });
    assert.equal(first.status, 201, first.text);
    const other = { ...body, url: url.replace(SECRET, "another") };
    assert.equal((await service.post("/v1/databases", other, { headers })).status, 201);
    const { text } = await service.get("/v1/audit/events?order=desc&limit=1000");
    assert.ok(!text.includes(SECRET));
    assert.ok(!JSON.stringify(service.diary).includes(SECRET));
    const keys = join(service.directory, "data", "keys", "pgpass");
    assert.deepEqual(filesWith(service.directory, SECRET), [keys]);
  });
});
