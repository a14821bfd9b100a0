import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TableBackupResult } from "../../../src/domain/engine/database-engine.ts";
import { DomainError } from "../../../src/domain/shared/errors.ts";
import { storeFiles } from "../../../src/infra/page-store/store-access.ts";
import { TestBackups, manifestOf, type TakenBackup } from "../../support/backups.ts";
import { MODES, ManagedDatabase, Workspace, stepScript } from "../../support/managed-database.ts";
import { applyOne, done, failure } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b TEXT);
  CREATE TABLE u (k TEXT PRIMARY KEY, g AS (k || '!')) WITHOUT ROWID;
  CREATE INDEX t_a ON t (a);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO t SELECT i, i * 7 % 100, hex(randomblob(40)) FROM n;
  INSERT INTO u VALUES ('a'), ('b');`;

for (const mode of MODES)
  describe(`copies of a database (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;
    let backups: TestBackups;

    beforeEach(async () => {
      workspace = new Workspace();
      backups = new TestBackups(workspace.directory);
      database = await new ManagedDatabase(workspace, mode, DDL).install();
    });
    afterEach(() => workspace.remove());

    const stored = (): Promise<TakenBackup> => backups.take(database.engine);

    /** The stored snapshot as a file. */
    async function file({ access }: TakenBackup): Promise<string> {
      const directory = workspace.path(randomUUID());
      mkdirSync(directory);
      const [name] = await database.engine.fetch(access, directory);
      return join(directory, name!);
    }

    describe("snapshot", () => {
      it("is one complete file with size, rows, schema and markers", async () => {
        done(await database.apply("CREATE TABLE v (x)", { version: "0001" }));
        const backup = await stored();
        const { snapshot } = backup;
        const path = await file(backup);
        assert.equal(snapshot.content.bytes, readFileSync(path).length);
        assert.deepEqual(snapshot.rows, { t: 3000, u: 2, v: 0 });
        assert.deepEqual(snapshot.applied, ["0001"]);
        assert.equal(snapshot.incarnation, database.target.incarnation);
        assert.equal(snapshot.fingerprint, (await database.engine.schema()).fingerprint);
        const copy = workspace.keep(new Database(path));
        assert.equal(copy.pragma("journal_mode", { simple: true }), "delete");
        assert.equal(copy.pragma("integrity_check", { simple: true }), "ok");
        assert.equal(copy.prepare("SELECT count(*) FROM t").pluck().get(), 3000);
        assert.equal(existsSync(join(backups.root, "scratch")), false);
      });

      it("stores what has changed since its parent, and nothing twice", async () => {
        const first = await stored();
        database.foreign((db) => db.exec("UPDATE t SET a = 1 WHERE id = 1500"));
        const { snapshot } = await backups.take(database.engine, first.access.backupId);
        assert(snapshot.content.storedBytes < first.snapshot.content.storedBytes / 5);
        assert.notEqual(snapshot.content.sha256, first.sha256);
        const again = await backups.take(database.engine, first.access.backupId);
        assert.equal(again.sha256, snapshot.content.sha256);
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
          const copy = new Database(await file(backup), { readonly: true });
          assert.equal(copy.prepare("SELECT sum(a) FROM t").pluck().get(), sum);
          assert.equal(copy.pragma("integrity_check", { simple: true }), "ok");
          copy.close();
        } finally {
          writer.kill("SIGKILL");
          await once(writer, "exit");
        }
      });
    });

    describe("verify", () => {
      it("restores to scratch and compares", async () => {
        const backup = await stored();
        const scratch = workspace.path("scratch.db");
        const verified = await database.engine.verify(backup, scratch);
        assert.deepEqual(verified.rows, backup.rows);
        assert.equal(verified.fingerprint, backup.fingerprint);
        assert.deepEqual(readFileSync(scratch), readFileSync(await file(backup)));
      });

      it("finds a damaged pack, names it, and leaves no scratch copy", async () => {
        const backup = await stored();
        const [pack] = readdirSync(join(backups.root, "packs"));
        const path = join(backups.root, "packs", pack!);
        const bytes = readFileSync(path);
        flip(bytes, bytes.length - 1000);
        writeFileSync(path, bytes);
        await assert.rejects(
          database.engine.verify(backup, workspace.path("scratch.db")),
          (error) => {
            assert(error instanceof DomainError);
            assert.equal(error.code, "backup-damaged");
            assert(error.message.includes(pack!), error.message);
            return true;
          },
        );
        assert.ok(!workspace.files().includes("scratch.db"));
      });

      it("is whole again in the next backup, although the damaged pack is still there", async () => {
        const backup = await stored();
        const [pack] = readdirSync(join(backups.root, "packs"));
        const path = join(backups.root, "packs", pack!);
        const bytes = readFileSync(path);
        flip(bytes, bytes.length - 1000);
        writeFileSync(path, bytes);
        const scratch = workspace.path("scratch.db");
        await assert.rejects(database.engine.verify(backup, scratch), { code: "backup-damaged" });
        const next = await backups.take(database.engine, backup.access.backupId);
        await database.engine.verify(next, scratch);
      });

      it("finds a snapshot that is no sound database, though it is as it was stored", async () => {
        for (const [at, damage] of [
          (bytes: Buffer) => bytes.fill(1),
          (bytes: Buffer) => bytes.fill(0xff, 4096, 8192),
        ].entries()) {
          const backup = await stored();
          const path = await file(backup);
          writeFileSync(path, damage(readFileSync(path)));
          const access = await backups.begin();
          const { bytes } = backup;
          const source = { name: "snapshot.sqlite", path, bytes, withoutWal: false };
          const content = await storeFiles(access, [source], () => {});
          const copy = await backups.publish(access, { ...backup.snapshot, content });
          await assert.rejects(database.engine.verify(copy, workspace.path(`s${at}.db`)), {
            code: "backup-damaged",
          });
        }
      });

      it("finds other rows, another schema and other content than were recorded", async () => {
        const backup = await stored();
        const claims = [
          [{ rows: { ...backup.rows, t: 2999 } }, "backup-differs"],
          [{ fingerprint: "sha256:x" }, "backup-differs"],
          [{ sha256: "0".repeat(64) }, "backup-damaged"],
          [{ bytes: backup.bytes - 1 }, "backup-damaged"],
        ] as const;
        for (const [at, [claim, code]] of claims.entries())
          await assert.rejects(
            database.engine.verify({ ...backup, ...claim }, workspace.path(`s${at}.db`)),
            { code },
          );
      });
    });

    describe("table backup", () => {
      const backupOf = async (tables: string[]) => {
        const access = await backups.begin();
        return { backupId: access.backupId, tables, access };
      };

      it("is contained in the session's snapshot if nobody wrote since", async () => {
        await stored();
        const tableBackup = await backupOf(["U", "missing"]);
        const result = done(
          await database.apply("DELETE FROM u", { tableBackup, allow: { rowLoss: ["u"] } }),
        );
        assert.deepEqual(result.tableBackup, {
          backupId: tableBackup.backupId,
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
        const tableBackup = await backupOf(tables);
        const request = await database.request("DELETE FROM t; DELETE FROM u", {
          tableBackup,
          allow: { rowLoss: ["t", "u"] },
        });
        const before = database.foreign((db) => db.prepare("SELECT * FROM u").all());
        const result = done(await applyOne(database.engine, request));
        assert.deepEqual(result.tableBackup?.tables, rows);
        assert.equal(result.tableBackup?.method, "copied");
        const { backupId } = tableBackup;
        await backups.store.publish(backupId, manifestOf(backupId, result.tableBackup!.content!));
        const [name] = await database.engine.fetch(
          await backups.store.access(backupId),
          workspace.directory,
        );
        const copy = new Database(workspace.path(name!), { readonly: true });
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
        const request = await database.request("DROP TABLE u", {
          tableBackup: await backupOf(["u"]),
        });
        const result = failure(await applyOne(engine, request));
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
        const access = await backups.begin();
        const { content } = await database.engine.rawCopy(access);
        await backups.store.publish(access.backupId, manifestOf(access.backupId, content));
        const directory = workspace.path("raw");
        mkdirSync(directory);
        const names = await database.engine.fetch(access, directory);
        assert.ok(names.includes("app.db"));
        assert.equal(names.includes("app.db-wal"), mode === "wal");
        for (const name of names)
          assert.deepEqual(readFileSync(join(directory, name)), readFileSync(workspace.path(name)));
        const db = new Database(workspace.path("raw/app.db"));
        assert.equal(db.prepare("SELECT count(*) FROM u").pluck().get(), 3);
        db.close();
      });
    });
  });

function flip(bytes: Buffer, at: number): void {
  bytes[at] = bytes[at]! ^ 1;
}
