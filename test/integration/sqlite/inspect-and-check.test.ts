import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { TestBackups } from "../../support/backups.ts";
import { MODES, ManagedDatabase, Workspace, fileFacts } from "../../support/managed-database.ts";
import { applyOne, failure } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE p (id INTEGER PRIMARY KEY);
  CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p, v TEXT);
  CREATE INDEX c_v ON c (v);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO c SELECT i, NULL, 'value ' || i FROM n;`;

for (const mode of MODES)
  describe(`inspect, install and check (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;

    beforeEach(() => {
      workspace = new Workspace();
      database = new ManagedDatabase(workspace, mode, DDL);
    });
    afterEach(() => workspace.remove());

    it("describes a database without changing a byte of it", async () => {
      const bytes = readFileSync(database.path);
      const found = await database.engine.inspect();
      assert.equal(found.exists, true);
      assert.equal(found.problem, undefined);
      assert.equal(found.meta, undefined);
      assert.deepEqual(
        found.live?.schema.map(({ type, name }) => [type, name]),
        [
          ["table", "c"],
          ["table", "p"],
          ["index", "c_v"],
        ],
      );
      assert.equal(fileFacts(found.live!).journalMode, mode);
      assert.ok(readFileSync(database.path).equals(bytes));
      assert.deepEqual(workspace.files(), ["app.db"]);
    });

    it("knows the same file behind another path", async () => {
      linkSync(database.path, workspace.path("other.db"));
      const other = database.newEngine({}, { url: workspace.path("other.db") });
      assert.equal((await other.inspect()).fileId, (await database.engine.inspect()).fileId);
    });

    for (const sql of [
      "CREATE TABLE schemaledger_meta (b)",
      "CREATE VIEW schemaledger_marker AS SELECT 1",
      "CREATE TABLE Schemaledger_Marker (attempt); CREATE TABLE schemaledger_meta (one)",
    ])
      it(`leaves an application's own object of a reserved name alone: ${sql}`, async () => {
        database.foreign((db) => db.exec(sql));
        assert.equal((await database.engine.inspect()).problem?.code, "reserved-name");
        await assert.rejects(database.engine.install(1), { code: "reserved-name" });
      });

    it("says why a file cannot be managed", async () => {
      const path = workspace.path("bad.db");
      const engine = database.newEngine({}, { url: path });
      const problem = async () => (await engine.inspect()).problem?.code;
      assert.equal(await problem(), "database-missing");
      assert.equal((await engine.inspect()).exists, false);
      mkdirSync(path);
      assert.equal(await problem(), "not-a-database");
      rmSync(path, { recursive: true });
      writeFileSync(path, "This is a text, and long enough to be looked at by SQLite itself.");
      assert.equal(await problem(), "not-a-database");
      database.foreign((db) => db.pragma("journal_mode = DELETE"));
      const bytes = readFileSync(database.path);
      writeFileSync(path, bytes.fill(0xff, 3 * 4096, 8 * 4096));
      assert.equal(await problem(), "database-damaged");
    });

    it("installs its tables once and for one ledger only", async () => {
      const bare = await database.engine.inspect();
      const live = await database.engine.install(5);
      assert.equal(live.fingerprint, bare.live?.fingerprint);
      assert.deepEqual((await database.engine.install(9)).fingerprint, live.fingerprint);
      const { meta } = await database.engine.inspect();
      const { databaseId, origin, incarnation } = database.target;
      assert.deepEqual(meta, { format: 1, origin, databaseId, incarnation, fence: 5 });
      const other = database.newEngine({}, { databaseId: "other" });
      await assert.rejects(other.install(1), { code: "clone-or-foreign" });
      await assert.rejects(other.schema(), { code: "clone-or-foreign" });
    });

    it("passes a sound database and warns of orphans", async () => {
      await database.install();
      for (const level of ["quick", "full"] as const) {
        const result = await database.engine.check(level);
        assert.deepEqual(result.findings, []);
        assert.equal(result.fingerprint, (await database.engine.schema()).fingerprint);
      }
      database.foreign((db) => {
        db.pragma("foreign_keys = OFF");
        db.exec("UPDATE c SET p = 77 WHERE id < 4");
      });
      const { findings } = await database.engine.check("quick");
      assert.deepEqual(
        findings.map(({ severity, code, table }) => [severity, code, table]),
        [["warning", "foreign-key-violations", "c"]],
      );
    });

    it("finds an index that lacks entries at the full level only, and names its table", async () => {
      await database.install();
      database.engine.close();
      const db = new Database(database.path);
      db.unsafeMode(true);
      db.pragma("writable_schema = ON");
      const page = db
        .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'c_v'")
        .pluck()
        .get() as number;
      db.exec("CREATE INDEX other ON c (v) WHERE id > 1000");
      db.exec(
        `UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'other')
         WHERE name = 'c_v'; DELETE FROM sqlite_schema WHERE name = 'other'`,
      );
      assert.ok(page > 0);
      db.close();
      const quick = await database.engine.check("quick");
      const full = await database.engine.check("full");
      const about = (findings: typeof full.findings) =>
        findings.filter(({ message }) => message.includes("missing from index"));
      assert.equal(about(quick.findings).length, 0);
      assert.ok(about(full.findings).length > 0);
      assert.equal(about(full.findings)[0]?.table, "c");
    });

    it("finds that the database was replaced by another one", async () => {
      await database.install();
      database.foreign((db) => db.exec("UPDATE schemaledger_meta SET incarnation = 'x'"));
      assert.deepEqual(
        (await database.engine.check("quick")).findings.map(({ code }) => code),
        ["wrong-incarnation"],
      );
      database.foreign((db) =>
        db.exec("DROP TABLE schemaledger_meta; DROP TABLE schemaledger_marker"),
      );
      assert.deepEqual(
        (await database.engine.check("quick")).findings.map(({ code }) => code),
        ["not-registered"],
      );
    });

    it("reports a file that is gone or damaged as such, from every operation", async () => {
      await database.install();
      const request = await database.request("CREATE TABLE x (a)");
      database.engine.close();
      const bytes = readFileSync(database.path);
      const backups = new TestBackups(workspace.directory);
      for (const side of ["-wal", "-shm"]) rmSync(database.path + side, { force: true });
      rmSync(database.path);
      const operations = (code: string) =>
        Promise.all([
          assert.rejects(database.engine.schema(), { code }),
          assert.rejects(database.engine.check("quick"), { code }),
          assert.rejects(backups.take(database.engine), { code }),
          assert.rejects(database.engine.beginRecovery(10), { code }),
        ]);
      await operations("database-missing");
      const missing = failure(await applyOne(database.engine, request));
      assert.deepEqual([missing.error.code, missing.state], ["database-missing", "unchanged"]);
      writeFileSync(database.path, bytes.fill(1, 0, 4096));
      await operations("not-a-database");
      assert.equal(failure(await applyOne(database.engine, request)).error.code, "not-a-database");
    });
  });
