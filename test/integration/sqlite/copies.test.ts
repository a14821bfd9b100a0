import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { StoredCopy, TableBackupResult } from "../../../src/domain/engine/database-engine.ts";
import { MODES, ManagedDatabase, Workspace, stepScript } from "../../support/managed-database.ts";
import { done, failure } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b TEXT);
  CREATE TABLE u (k TEXT PRIMARY KEY, g AS (k || '!')) WITHOUT ROWID;
  CREATE INDEX t_a ON t (a);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO t SELECT i, i * 7 % 100, hex(randomblob(40)) FROM n;
  INSERT INTO u VALUES ('a'), ('b');`;

const sha256 = (path: string): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex");

for (const mode of MODES)
  describe(`copies of a database (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, DDL).install();
    });
    afterEach(() => workspace.remove());

    async function stored(): Promise<StoredCopy> {
      const path = workspace.path("backup.db");
      const copy = await database.engine.snapshot(path);
      return { path, ...copy };
    }

    describe("snapshot", () => {
      it("is one complete file with digest, rows, schema and markers", async () => {
        done(await database.apply("CREATE TABLE v (x)", { version: "0001" }));
        const path = workspace.path("copy.db");
        const copy = await database.engine.snapshot(path);
        assert.equal(copy.sha256, sha256(path));
        assert.equal(copy.bytes, readFileSync(path).length);
        assert.deepEqual(copy.rows, { t: 3000, u: 2, v: 0 });
        assert.deepEqual(copy.applied, ["0001"]);
        assert.equal(copy.incarnation, database.target.incarnation);
        assert.equal(copy.fingerprint, (await database.engine.schema()).fingerprint);
        assert.ok(copy.freeBytes > 0);
        assert.deepEqual(
          workspace.files().filter((name) => name.startsWith("copy")),
          ["copy.db"],
        );
      });

      it("refuses a path that is taken", async () => {
        writeFileSync(workspace.path("copy.db"), "precious");
        await assert.rejects(database.engine.snapshot(workspace.path("copy.db")), {
          code: "path-exists",
        });
        assert.equal(readFileSync(workspace.path("copy.db"), "utf8"), "precious");
      });

      it("is of one moment although another process writes all the time", async () => {
        const writer = spawn(
          process.execPath,
          [
            "--input-type=module",
            "-e",
            `import Database from "better-sqlite3";
             const db = new Database(${JSON.stringify(database.path)}, { timeout: 5000 });
             const a = db.prepare("UPDATE t SET a = a + 1 WHERE id = ?");
             const b = db.prepare("UPDATE t SET a = a - 1 WHERE id = ?");
             process.stdout.write("ready");
             for (let i = 1; ; i = 1 + (i % 2999)) db.transaction(() => { a.run(i); b.run(3001 - i); })();`,
          ],
          { stdio: ["ignore", "pipe", "inherit"], cwd: process.cwd() },
        );
        try {
          const sum = database.value("SELECT sum(a) FROM t");
          await once(writer.stdout, "data");
          const backup = await stored();
          const copy = new Database(backup.path, { readonly: true });
          assert.equal(copy.prepare("SELECT sum(a) FROM t").pluck().get(), sum);
          assert.equal(copy.pragma("integrity_check", { simple: true }), "ok");
          copy.close();
        } finally {
          writer.kill("SIGKILL");
          await once(writer, "exit");
        }
      });
    });

    for (const size of ["small", "large"])
      describe(`verify of a ${size} backup`, () => {
        // A large one is hashed in a thread of its own.
        beforeEach(() => {
          if (size === "large")
            database.foreign((db) => db.exec("CREATE TABLE big AS SELECT zeroblob(20 << 20) AS x"));
        });

        it("restores to scratch and compares", async () => {
          const backup = await stored();
          const scratch = workspace.path("scratch.db");
          const verified = await database.engine.verify(backup, scratch);
          assert.deepEqual(verified.rows, backup.rows);
          assert.equal(verified.fingerprint, backup.fingerprint);
          assert.equal(sha256(scratch), backup.sha256);
        });

        const damages: readonly (readonly [string, (bytes: Buffer) => Buffer, boolean])[] = [
          ["a flipped bit", (bytes) => (flip(bytes, 5000), bytes), false],
          ["a truncated file", (bytes) => bytes.subarray(0, bytes.length - 4096), false],
          ["a file that is no database", (bytes) => Buffer.alloc(bytes.length, 1), true],
          ["a broken page", (bytes) => (bytes.fill(0xff, 4096, 8192), bytes), true],
        ];
        for (const [what, damage, adjustDigest] of damages)
          it(`finds ${what} and leaves no scratch copy`, async () => {
            const backup = await stored();
            writeFileSync(backup.path, damage(readFileSync(backup.path)));
            const claimed = adjustDigest ? { ...backup, sha256: sha256(backup.path) } : backup;
            await assert.rejects(database.engine.verify(claimed, workspace.path("scratch.db")), {
              code: "backup-damaged",
            });
            assert.ok(!workspace.files().includes("scratch.db"));
          });

        it("finds other rows and another schema than were recorded", async () => {
          const backup = await stored();
          const claims = [{ rows: { ...backup.rows, t: 2999 } }, { fingerprint: "sha256:x" }];
          for (const [at, claim] of claims.entries())
            await assert.rejects(
              database.engine.verify({ ...backup, ...claim }, workspace.path(`s${at}.db`)),
              { code: "backup-differs" },
            );
        });
      });

    describe("table backup", () => {
      const backupOf = (tables: string[]) => ({
        backupId: "b1",
        tables,
        path: workspace.path("tables.db"),
      });

      it("is contained in the session's snapshot if nobody wrote since", async () => {
        await stored();
        const result = done(
          await database.apply("DELETE FROM u", {
            tableBackup: backupOf(["U", "missing"]),
            allow: { rowLoss: ["u"] },
          }),
        );
        assert.deepEqual(result.tableBackup, {
          backupId: "b1",
          tables: { u: 2 },
          method: "contained",
        });
      });

      it("is copied if somebody wrote since the snapshot, and recorded under the lock", async () => {
        await stored();
        database.foreign((db) => db.exec("INSERT INTO u VALUES ('c')"));
        await copied(["t", "u"], { t: 3000, u: 3 });
      });

      it("is copied if an earlier step of the session touched the table", async () => {
        await stored();
        done(await database.apply("UPDATE u SET k = k || 'x'"));
        await copied(["u"], { u: 2 });
      });

      it("is copied without a snapshot", () => copied(["t", "u"], { t: 3000, u: 2 }));

      async function copied(tables: string[], rows: TableBackupResult["tables"]) {
        const request = await database.request("DELETE FROM t; DELETE FROM u", {
          tableBackup: backupOf(tables),
          allow: { rowLoss: ["t", "u"] },
        });
        const before = database.foreign((db) => db.prepare("SELECT * FROM u").all());
        const result = done(await database.engine.applyStep(request));
        const { path } = backupOf(tables);
        assert.deepEqual(result.tableBackup?.tables, rows);
        assert.equal(result.tableBackup?.method, "copied");
        assert.equal(result.tableBackup?.sha256, sha256(path));
        const copy = new Database(path, { readonly: true });
        assert.deepEqual(copy.prepare("SELECT * FROM u").all(), before);
        const texts = copy.prepare("SELECT sql FROM schemaledger_saved").pluck().all();
        assert.equal(texts.includes("CREATE INDEX t_a ON t (a)"), tables.includes("t"));
        copy.close();
      }

      it("holds the lock while it is recorded, and undoes the step if it cannot be", async () => {
        let writable: boolean | undefined;
        const engine = database.newEngine({
          onTablesSaved: () => {
            try {
              database.foreign((db) => db.exec("INSERT INTO u VALUES ('z')"));
              writable = true;
            } catch {
              writable = false;
            }
            return Promise.reject(new Error("The ledger is away"));
          },
        });
        const request = await database.request("DROP TABLE u", { tableBackup: backupOf(["u"]) });
        const result = failure(await engine.applyStep(request));
        assert.equal(writable, false);
        assert.deepEqual([result.error.code, result.state], ["table-backup-failed", "unchanged"]);
        assert.equal(database.value("SELECT count(*) FROM u"), 2);
      });
    });

    describe("rehearse", () => {
      it("runs the steps on the scratch copy only and tells what they would do", async () => {
        const scratchPath = workspace.path("scratch.db");
        await database.engine.verify(await stored(), scratchPath);
        const before = database.content();
        const { steps } = await database.engine.rehearse({
          scratchPath,
          steps: [
            stepScript("CREATE TABLE v (x); INSERT INTO v VALUES (1)"),
            stepScript("DELETE FROM t"),
            stepScript("CREATE TABLE w (x)"),
          ],
          expectedAfter: [null, null, null],
        });
        assert.deepEqual(done(steps[0]!).rows, [{ table: "v", before: null, after: 1 }]);
        assert.equal(failure(steps[1]!).error.code, "rows-lost");
        assert.equal(steps.length, 2);
        assert.deepEqual(database.content(), before);
      });

      const rollbacks: readonly (readonly [string, string, string, boolean])[] = [
        ["an exact way back", "ALTER TABLE t DROP COLUMN c", "ALTER TABLE t ADD COLUMN c", false],
        [
          "a column without values",
          "ALTER TABLE t DROP COLUMN e",
          "ALTER TABLE t ADD COLUMN e",
          true,
        ],
        ["another schema", "ALTER TABLE t DROP COLUMN c", "ALTER TABLE t ADD COLUMN d", false],
      ];
      for (const [what, down, up, lossless] of rollbacks)
        it(`says whether going down and up again loses something: ${what}`, async () => {
          database.foreign((db) =>
            db.exec("ALTER TABLE t ADD COLUMN e; ALTER TABLE t ADD COLUMN c; UPDATE t SET c = id"),
          );
          if (lossless) database.foreign((db) => db.exec("ALTER TABLE t DROP COLUMN c"));
          const scratchPath = workspace.path("scratch.db");
          await database.engine.verify(await stored(), scratchPath);
          const result = await database.engine.rehearse({
            scratchPath,
            steps: [stepScript(down, { direction: "down" })],
            expectedAfter: [null],
            again: [stepScript(up)],
          });
          assert.equal(result.lossless, lossless, JSON.stringify(result));
          assert.equal(result.findings.length === 0, lossless);
        });
    });

    describe("rawCopy", () => {
      it("copies every file that belongs to the database", async () => {
        const other = workspace.keep(new Database(database.path));
        other.exec("INSERT INTO u VALUES ('in the wal')");
        const copy = await database.engine.rawCopy(workspace.path("raw"));
        assert.ok(copy.files.includes("app.db"));
        assert.equal(copy.files.includes("app.db-wal"), mode === "wal");
        assert.equal(copy.sha256, sha256(workspace.path("raw/app.db")));
        const db = new Database(workspace.path("raw/app.db"));
        assert.equal(db.prepare("SELECT count(*) FROM u").pluck().get(), 3);
        db.close();
      });
    });
  });

function flip(bytes: Buffer, at: number): void {
  bytes[at] = bytes[at]! ^ 1;
}
