import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { statSync } from "node:fs";
import type { RestoreRequest, StoredCopy } from "../../../src/domain/engine/database-engine.ts";
import { TestBackups } from "../../support/backups.ts";
import { EngineChild } from "../../support/engine-child.ts";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";

/** Opens the file, reads once, says so and stays, as an application that is idle. */
const IDLE = `
  const db = new (require("better-sqlite3"))(process.argv[1]);
  db.prepare("SELECT count(*) FROM t").get();
  process.stdout.write("open\\n");
  setInterval(() => {}, 1000);`;

for (const mode of MODES)
  describe(`offline restore (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;
    let backups: TestBackups;
    let request: RestoreRequest;
    let stored: StoredCopy;

    beforeEach(async () => {
      workspace = new Workspace();
      const ddl = "CREATE TABLE t (id INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 'old')";
      database = await new ManagedDatabase(workspace, mode, ddl).install();
      backups = new TestBackups(workspace.directory);
      const scratchPath = workspace.path("scratch.db");
      stored = await backups.take(database.engine);
      await database.engine.verify(stored, scratchPath);
      database.foreign((db) => void db.exec("UPDATE t SET b = 'new'"));
      const method = "offline" as const;
      const incarnation = randomUUID();
      request = { scratchPath, token: 900, incarnation, lockTimeoutMs: 300, method };
    });
    afterEach(() => workspace.remove());

    const journal = (): unknown => database.value("PRAGMA journal_mode");
    const restore = () => database.engine.restore(request);

    it("puts the backup in place with the mode and permissions of the old file", async () => {
      const inode = statSync(database.path).ino;
      const permissions = statSync(database.path).mode;
      const restored = await restore();
      assert.deepEqual(restored.rowsAfter, { t: 1 });
      assert.notEqual(statSync(database.path).ino, inode);
      assert.equal(statSync(database.path).mode, permissions);
      assert.equal(database.value("SELECT b FROM t"), "old");
      assert.equal(journal(), mode);
      assert.equal(
        database.value("SELECT incarnation FROM schemaledger_meta"),
        request.incarnation,
      );
      const left = workspace.files().filter((name) => name.includes(request.incarnation));
      assert.deepEqual(left, []);
    });

    it("refuses while a process has the file open, also an idle one", async () => {
      const idle = spawn(process.execPath, ["-e", IDLE, database.path], {
        cwd: process.cwd(),
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        await once(idle.stdout, "data");
        await assert.rejects(restore(), { code: "restore-not-exclusive" });
        assert.equal(database.value("SELECT b FROM t"), "new");
        assert.equal(journal(), mode);
      } finally {
        idle.kill("SIGKILL");
        await once(idle, "close");
      }
      await restore();
    });

    it("refuses when a newer holder has written", async () => {
      database.foreign((db) => void db.exec("UPDATE schemaledger_meta SET fence = 1000"));
      await assert.rejects(restore(), { code: "fenced" });
      assert.equal(database.value("SELECT b FROM t"), "new");
      assert.equal(journal(), mode);
    });

    for (const [point, content] of [
      ["offline-before-rename", "new"],
      ["offline-after-rename", "old"],
    ] as const)
      it(`is old or new when it dies at ${point}`, async () => {
        database.engine.close();
        const child = await EngineChild.stoppedAt({
          target: database.target,
          method: "restore",
          args: [request],
          stopAt: point,
        });
        await child.kill();
        assert.equal(database.value("SELECT b FROM t"), content);
        assert.equal(database.value("PRAGMA integrity_check"), "ok");
        const incarnation = database.value("SELECT incarnation FROM schemaledger_meta");
        assert.equal(incarnation === request.incarnation, content === "old");
        const engine = database.newEngine();
        await engine.beginRecovery(300);
        await engine.finishRecovery(901, []);
        assert.equal(journal(), mode);
        const scratchPath = workspace.path("again.db");
        await engine.verify(stored, scratchPath);
        await engine.restore({ ...request, scratchPath, token: 902, incarnation: randomUUID() });
        const left = workspace.files().filter((name) => name.startsWith("."));
        assert.deepEqual(left, []);
        assert.equal(database.value("SELECT b FROM t"), "old");
      });
  });

describe("a restore to a new file", () => {
  let workspace: Workspace;
  let database: ManagedDatabase;
  let backups: TestBackups;
  let request: { scratchPath: string; target: string; restoreId: string; sha256: string };

  beforeEach(async () => {
    workspace = new Workspace();
    const ddl = "CREATE TABLE t (a); INSERT INTO t VALUES (1)";
    database = await new ManagedDatabase(workspace, "wal", ddl).install();
    backups = new TestBackups(workspace.directory);
    const scratchPath = workspace.path("scratch.db");
    await database.engine.verify(await backups.take(database.engine), scratchPath);
    const { sha256 } = await database.engine.digestOf(scratchPath);
    request = { scratchPath, target: workspace.path("new.db"), restoreId: randomUUID(), sha256 };
  });
  afterEach(() => workspace.remove());

  it("writes the backup's bytes and nothing else", async () => {
    await database.engine.exportCopy(request);
    assert.equal((await database.engine.digestOf(request.target)).sha256, request.sha256);
    const db = new Database(request.target, { readonly: true });
    assert.equal(db.prepare("SELECT a FROM t").pluck().get(), 1);
    db.close();
    assert.ok(!workspace.files().some((name) => name.includes(request.restoreId)));
    assert.equal(await database.engine.settleExport(request), true);
  });

  it("never takes the place of something, not even of a left WAL", async () => {
    await database.engine.exportCopy(request);
    await assert.rejects(database.engine.exportCopy(request), { code: "target-exists" });
    assert.equal(await database.engine.settleExport({ ...request, sha256: "other" }), false);
  });

  for (const [point, there] of [
    ["export-before-publish", false],
    ["export-after-publish", true],
  ] as const)
    it(`is there complete or not at all when it dies at ${point}`, async () => {
      const child = await EngineChild.stoppedAt({
        target: database.target,
        method: "exportCopy",
        args: [request],
        stopAt: point,
      });
      await child.kill();
      assert.equal(await database.engine.settleExport(request), there);
      assert.equal(workspace.files().includes("new.db"), there);
      assert.ok(!workspace.files().some((name) => name.includes(request.restoreId)));
    });
});
