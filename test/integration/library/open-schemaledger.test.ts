import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import Sqlite from "better-sqlite3";
import { openSchemaledger, SchemaledgerError } from "../../../src/library/open-schemaledger.ts";
import { acquireDirectoryLock } from "../../../src/infra/files/directory-lock.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("openSchemaledger", function () {
  this.timeout(30_000);
  const directory = temporaryDirectory();
  const database = (): string => directory.file("app.db");
  const open = (waitMs?: number) =>
    openSchemaledger({
      data: directory.file("data"),
      ...(waitMs === undefined ? {} : { waitMs }),
    });
  const orders = {
    version: "1",
    name: "orders",
    up: "CREATE TABLE orders (total INTEGER); INSERT INTO orders VALUES (1), (0)",
    down: "DROP TABLE orders",
  };
  const rows = (): unknown[] => {
    const db = new Sqlite(database(), { readonly: true });
    try {
      return db.prepare("SELECT total FROM orders ORDER BY total").pluck().all();
    } finally {
      db.close();
    }
  };

  it("migrates, then finds nothing to do, then rolls back", async () => {
    const ledger = await open();
    const first = await ledger.migrate({
      database: database(),
      migrations: [orders],
      actor: "shop",
    });
    equal(first.outcome, "applied");
    deepEqual(first.applied, [{ version: "1", name: "orders" }]);
    deepEqual(rows(), [0, 1]);
    const size = readFileSync(directory.file("data/ledger.db")).length;
    const again = await ledger.migrate({ database: database(), migrations: [orders] });
    deepEqual([again.outcome, again.version, again.run], ["nothing-to-do", "1", null]);
    equal(readFileSync(directory.file("data/ledger.db")).length, size);
    equal((await ledger.status("app"))?.version, "1");
    const run = await ledger.rollBack({ database: "app", to: "0", reason: "Test", actor: "shop" });
    equal(run.outcome, "rolled-back");
    equal((await ledger.status(database()))?.version, null);
    match(readFileSync(directory.file("data/keys/actors.json"), "utf8"), /"name": "shop"/);
  });

  it("rejects with a stable code and leaves the database as it was", async () => {
    const ledger = await open();
    await ledger.migrate({ database: database(), migrations: [orders] });
    const before = readFileSync(database());
    const lossy = { version: "2", name: "lossy", up: "DELETE FROM orders WHERE total = 0" };
    const failed = await ledger
      .migrate({ database: database(), migrations: [orders, lossy] })
      .catch((error: unknown) => error);
    ok(failed instanceof SchemaledgerError);
    equal(failed.code, "rows-lost");
    equal(failed.details["safe"], "The database was not touched.");
    equal((failed.details["run"] as { outcome: string }).outcome, "untouched");
    deepEqual(readFileSync(database()), before);
    const declared = { ...lossy, allow: { rowLoss: ["orders"] } };
    const mended = await ledger.migrate({ database: database(), migrations: [orders, declared] });
    equal(mended.version, "2");
    deepEqual(rows(), [1]);
  });

  it("runs a folder with SQL, code, and the application's own functions", async () => {
    const file = (name: string, text: string): void =>
      writeFileSync(directory.file(`m/${name}`), text);
    mkdirSync(directory.file("m"));
    file("1_orders.sql", "CREATE TABLE orders (total INTEGER);");
    file("2_fill.mjs", `export const up = (db) => db.run("INSERT INTO orders VALUES (?)", 4);`);
    file(
      "3_more.ts",
      `export function up(db: { exec(sql: string): void }) { db.exec("INSERT INTO orders VALUES (half(4))"); }`,
    );
    file("4_half.sql", "UPDATE orders SET total = half(total);");
    file("5_tool.js", "exports.up = (knex) => knex.schema.createTable();");
    file("schemaledger.functions.ts", "export function half(value: number) { return value / 2; }");
    const news: string[] = [];
    const ledger = await open();
    const request = { database: database(), migrations: directory.file("m") };
    await rejects(ledger.migrate(request), { code: "steps-left-out", message: /5_tool\.js/ });
    file("schemaledger.config.json", '{"migrations": {"ignore": {"5_tool.*": "for a test"}}}');
    const { version } = await ledger.migrate({
      ...request,
      onNews: (one) => {
        if (one.kind === "files") news.push(...one.set.unmatched.map(({ file: name }) => name));
      },
    });
    equal(version, "4");
    deepEqual(rows(), [1, 2]);
    deepEqual(news, ["5_tool.js"]);
  });

  it("makes a new database from the file that its folder ships, and records which", async () => {
    mkdirSync(directory.file("m"));
    const shipped = new Sqlite(directory.file("m/app.db"));
    shipped.exec("CREATE TABLE orders (total INTEGER); INSERT INTO orders VALUES (7)");
    shipped.close();
    writeFileSync(directory.file("m/1_orders.sql"), "CREATE TABLE orders (total INTEGER);");
    writeFileSync(directory.file("m/2_more.sql"), "INSERT INTO orders VALUES (8);");
    const config = { migrations: { baseline: { version: "1", database: "app.db" } } };
    writeFileSync(directory.file("m/schemaledger.config.json"), JSON.stringify(config));
    const ledger = await open();
    const request = { database: database(), migrations: directory.file("m") };
    const first = await ledger.migrate(request);
    deepEqual(
      first.applied.map(({ version }) => version),
      ["B1", "2"],
    );
    deepEqual(rows(), [7, 8]);
    equal((await ledger.migrate(request)).outcome, "nothing-to-do");
    // A database that began otherwise goes the ordinary way.
    const other = new Sqlite(directory.file("other.db"));
    other.exec("CREATE TABLE notes (x)");
    other.close();
    const second = await ledger.migrate({ ...request, database: directory.file("other.db") });
    deepEqual(
      second.applied.map(({ version }) => version),
      ["1", "2"],
    );
  });

  it("stops at the version that is asked for", async () => {
    const ledger = await open();
    const second = { version: "2", name: "more", up: "CREATE TABLE more (x)" };
    const request = { database: database(), migrations: [orders, second], to: "1" };
    equal((await ledger.migrate(request)).version, "1");
    equal((await ledger.migrate(request)).outcome, "nothing-to-do");
    equal((await ledger.migrate({ ...request, to: "latest" })).version, "2");
  });

  it("looks at the database itself before it says that there is nothing to do", async () => {
    const ledger = await open();
    await ledger.migrate({ database: database(), migrations: [orders] });
    const db = new Sqlite(database());
    db.exec("CREATE TABLE foreign_one (x)");
    db.close();
    const added = { version: "2", name: "more", up: "CREATE TABLE more (x)" };
    await rejects(ledger.migrate({ database: database(), migrations: [orders, added] }), {
      code: "drift",
    });
  });

  it("refuses an applied migration that was changed, with a diff", async () => {
    const ledger = await open();
    await ledger.migrate({ database: database(), migrations: [orders] });
    const changed = { ...orders, up: orders.up.replace("INTEGER", "TEXT") };
    const error = await ledger
      .migrate({ database: database(), migrations: [changed] })
      .catch((thrown: unknown) => thrown as SchemaledgerError);
    ok(error instanceof SchemaledgerError);
    equal(error.code, "migration-changed");
    match(String(error.details["diff"]), /-.*INTEGER[\s\S]*\+.*TEXT/);
  });

  it("takes an edited migration anew, and withdraws a removed one, while they are not applied", async () => {
    const ledger = await open();
    const bad = { version: "2", name: "bad", up: "CREATE TABLE orders (x)" };
    const late = { version: "3", name: "late", up: "CREATE TABLE late (x)" };
    await rejects(ledger.migrate({ database: database(), migrations: [orders, bad, late] }));
    const good = { ...bad, up: "CREATE TABLE other (x)" };
    const done = await ledger.migrate({ database: database(), migrations: [orders, good] });
    deepEqual(
      done.applied.map(({ version }) => version),
      ["1", "2"],
    );
  });

  it("cancels: the step in progress is rolled back", async () => {
    const ledger = await open();
    const endless =
      "CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    const abort = new AbortController();
    const run = ledger.migrate({
      database: database(),
      migrations: [orders, { version: "2", name: "endless", up: endless }],
      signal: abort.signal,
      onNews: (news) => {
        if (news.kind === "progress" && news.progress.version === "2") abort.abort();
      },
    });
    await rejects(run, { code: "run-cancelled" });
    equal((await ledger.status("app"))?.status, "ready");
    await rejects(
      ledger.migrate({ database: database(), migrations: [orders], signal: AbortSignal.abort() }),
      { name: "AbortError" },
    );
  });

  it("waits for another process on the directory, or fails at once, as it is told", async () => {
    mkdirSync(directory.file("data"));
    const held = await acquireDirectoryLock(
      directory.file("data"),
      "a test",
      "2026-01-01T00:00:00Z",
    );
    const request = { database: database(), migrations: [orders] };
    await rejects((await open(0)).migrate(request), { code: "data-directory-in-use" });
    const abort = new AbortController();
    const waiting = (await open()).migrate({ ...request, signal: abort.signal });
    abort.abort(new Error("enough"));
    await rejects(waiting, { message: "enough" });
    const patient = (await open()).migrate(request);
    setTimeout(() => void held.release(), 50);
    equal((await patient).outcome, "applied");
  });

  it("refuses what cannot be meant", async () => {
    await rejects(openSchemaledger({ data: "" }), { code: "config-invalid" });
    const ledger = await open();
    await rejects(ledger.migrate({ database: "shop", migrations: [orders] }), {
      code: "database-not-found",
    });
    await rejects(ledger.migrate({ database: database(), migrations: [orders], to: "9" }), {
      code: "version-not-registered",
    });
    await rejects(ledger.migrate({ database: "file:%zz", migrations: [orders] }), {
      code: "database-url-invalid",
    });
    await rejects(ledger.migrate({ database: database(), migrations: directory.file("none") }), {
      code: "migrations-unreadable",
    });
    writeFileSync(
      directory.file("text.db"),
      "not a database at all, but long enough to be one".repeat(30),
    );
    await rejects(ledger.migrate({ database: directory.file("text.db"), migrations: [orders] }), {
      code: "not-a-database",
    });
    equal(await ledger.status("shop"), undefined);
  });
});
