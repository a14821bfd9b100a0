import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { RestoreRequest } from "../../../src/domain/engine/database-engine.ts";
import { TestBackups } from "../../support/backups.ts";
import { EngineChild } from "../../support/engine-child.ts";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { applyOne, done } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO t SELECT i, randomblob(3000) FROM n;`;

for (const mode of MODES)
  describe(`restore (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;
    let request: RestoreRequest;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, DDL).install();
      done(await database.apply("CREATE TABLE first (a)", { version: "0001" }));
      const scratchPath = workspace.path("scratch.db");
      const backup = await new TestBackups(workspace.directory).take(database.engine);
      await database.engine.verify(backup, scratchPath);
      done(
        await database.apply("DELETE FROM t; CREATE TABLE second (a)", {
          version: "0002",
          allow: { rowLoss: ["t"] },
        }),
      );
      request = { scratchPath, token: 900, incarnation: randomUUID(), lockTimeoutMs: 300 };
    });
    afterEach(() => workspace.remove());

    const mainJournalMode = (): unknown =>
      database.foreign((db) => db.pragma("journal_mode", { simple: true }));

    it("brings schema, rows and markers back under an application that stays connected", async () => {
      const application = workspace.keep(new Database(database.path));
      assert.equal(application.prepare("SELECT count(*) FROM t").pluck().get(), 0);
      const restored = await database.engine.restore(request);
      assert.deepEqual(restored.applied, ["0001"]);
      assert.deepEqual(restored.rowsBefore, { first: 0, second: 0, t: 0 });
      assert.deepEqual(restored.rowsAfter, { first: 0, t: 300 });
      assert.equal(application.prepare("SELECT count(*) FROM t").pluck().get(), 300);
      application.exec("INSERT INTO first VALUES (1)");
      assert.equal(database.value("SELECT count(*) FROM first"), 1);
      assert.equal(mainJournalMode(), mode);
      const meta = database.foreign((db) => db.prepare("SELECT * FROM schemaledger_meta").get());
      const { incarnation, fence } = meta as { incarnation: string; fence: number };
      assert.deepEqual([incarnation, fence], [request.incarnation, 900]);
    });

    it("fences the steps of the time before", async () => {
      const step = await database.request("CREATE TABLE late (a)");
      await database.engine.restore(request);
      const result = await applyOne(database.engine, step);
      assert.equal(result.status === "failed" && result.error.code, "fenced");
    });

    it("refuses to replace what a newer holder wrote", async () => {
      database.foreign((db) => db.exec("UPDATE schemaledger_meta SET fence = 1000"));
      const before = database.content();
      await assert.rejects(database.engine.restore(request), { code: "fenced" });
      assert.deepEqual(database.content(), before);
    });

    it("refuses when a newer holder came while it was paused before the copy", async () => {
      const child = await EngineChild.stoppedAt({
        target: database.target,
        method: "restore",
        args: [request],
        stopAt: "restore-before-copy",
      });
      database.foreign((db) => db.exec("UPDATE schemaledger_meta SET fence = 1000"));
      assert.equal(await child.resume(), "fenced");
      assert.equal(database.value("SELECT count(*) FROM t"), 0);
    });

    it("refuses to replace another database, or to restore another's backup", async () => {
      const before = database.content();
      const engine = database.newEngine({}, { databaseId: "other" });
      await assert.rejects(engine.restore(request), { code: "clone-or-foreign" });
      assert.deepEqual(database.content(), before);
      database.engine.close();
      rmSync(database.path);
      await assert.rejects(engine.restore(request), { code: "clone-or-foreign" });
      assert.ok(!existsSync(database.path));
    });

    it("gives up when an application holds a transaction, and has changed no row", async () => {
      const application = workspace.keep(new Database(database.path));
      application.exec("BEGIN IMMEDIATE");
      await assert.rejects(database.engine.restore(request), { code: "database-locked" });
      application.exec("ROLLBACK");
      assert.equal(database.value("SELECT count(*) FROM second"), 0);
      await database.engine.restore(request);
    });

    if (mode === "delete")
      it("does not take a blocked copy for a restored database", async () => {
        const application = workspace.keep(new Database(database.path));
        const engine = database.newEngine({
          faults: (point) => {
            if (point !== "restore-before-copy") return;
            application.exec("BEGIN");
            application.prepare("SELECT count(*) FROM t").get();
          },
        });
        await assert.rejects(engine.restore(request), { code: "restore-busy" });
        application.exec("ROLLBACK");
        assert.equal(database.value("SELECT count(*) FROM t"), 0);
      });

    it("creates a file that is missing, and keeps a WAL that was left behind", async () => {
      database.engine.close();
      renameSync(database.path, workspace.path("lost.db"));
      writeFileSync(`${database.path}-wal`, "left over");
      const restored = await database.engine.restore(request);
      assert.deepEqual(restored.rowsBefore, {});
      assert.deepEqual(restored.rowsAfter, { first: 0, t: 300 });
      assert.ok(workspace.files().includes(`app.db-wal.${request.incarnation}`));
      assert.equal(database.value("SELECT count(*) FROM t"), 300);
    });

    for (const [what, content] of [
      ["no database", Buffer.alloc(20_000, 7)],
      ["an empty file", Buffer.alloc(0)],
    ] as const)
      it(`replaces a file that is ${what}`, async () => {
        database.engine.close();
        for (const side of ["-wal", "-shm"]) rmSync(database.path + side, { force: true });
        writeFileSync(database.path, content);
        const restored = await database.engine.restore(request);
        assert.deepEqual(restored.rowsAfter, { first: 0, t: 300 });
      });

    it("does not replace a damaged file that somebody has open", async () => {
      database.engine.close();
      for (const side of ["-wal", "-shm"]) rmSync(database.path + side, { force: true });
      writeFileSync(database.path, Buffer.alloc(20_000, 7));
      const handle = openSync(database.path, "r");
      try {
        await assert.rejects(database.engine.restore(request), { code: "restore-busy" });
      } finally {
        closeSync(handle);
      }
      await database.engine.restore(request);
    });

    it("leaves the old content when it is killed before the copy, and can be repeated", async () => {
      const child = await EngineChild.stoppedAt({
        target: database.target,
        method: "restore",
        args: [request],
        stopAt: "restore-before-copy",
      });
      await child.kill();
      assert.equal(database.value("SELECT count(*) FROM second"), 0);
      await database.engine.restore({ ...request, token: 901, incarnation: randomUUID() });
      assert.equal(database.value("SELECT count(*) FROM t"), 300);
    });
  });
