import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { TestBackups } from "../../support/backups.ts";
import { ManagedDatabase, Workspace } from "../../support/managed-database.ts";

/** Large enough to be frozen instead of copied. */
const DDL = `
  CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER NOT NULL);
  CREATE TABLE bulk (b BLOB);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO t SELECT i, i * 7 % 100 FROM n;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
    INSERT INTO bulk SELECT randomblob(1 << 20) FROM n;`;

/** Locks that this process has on a file, as the system lists them. */
function locksOn(path: string): string[] {
  const { ino } = statSync(path);
  return readFileSync("/proc/locks", "utf8")
    .split("\n")
    .filter((line) => line.includes(` ${process.pid} `) && line.includes(`:${ino} `))
    .map((line) => line.replace(/^\d+: /, ""));
}

/** Processes that this one has started and that store pages. */
const packers = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const [, parent] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return Number(parent) === process.pid && command.includes("packer-main");
      } catch {
        // It ended meanwhile.
        return false;
      }
    });

describe("a snapshot of the frozen main file", function () {
  this.timeout(30_000);
  let workspace: Workspace;
  let database: ManagedDatabase;
  let backups: TestBackups;

  beforeEach(async () => {
    workspace = new Workspace();
    backups = new TestBackups(workspace.directory);
    database = await new ManagedDatabase(workspace, "wal", DDL).install();
  });
  afterEach(() => workspace.remove());

  const scratch = (): string => workspace.path("scratch.db");

  it("is of one moment, and others write on meanwhile", async () => {
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
      let parent: string | null = null;
      for (let round = 0; round < 2; round += 1) {
        const backup = await backups.take(database.engine, parent);
        parent = backup.access.backupId;
        await database.engine.verify(backup, workspace.path(`s${round}.db`));
        const copy = new Database(workspace.path(`s${round}.db`), { readonly: true });
        assert.equal(copy.prepare("SELECT sum(a) FROM t").pluck().get(), sum);
        assert.equal(copy.pragma("integrity_check", { simple: true }), "ok");
        copy.close();
      }
    } finally {
      writer.kill("SIGKILL");
      await once(writer, "exit");
    }
  });

  it("has nothing that was committed while the file was read, and blocks no commit", async () => {
    const engine = database.newEngine({
      faults: (point) => {
        if (point === "snapshot-frozen") database.foreign((db) => db.exec("DELETE FROM t"));
      },
    });
    const backup = await backups.take(engine);
    assert.equal(backup.snapshot.method, "frozen");
    assert.equal(backup.rows["t"], 3000);
    await engine.verify(backup, scratch());
    assert.equal(database.value("SELECT count(*) FROM t"), 0);
  });

  it("leaves the locks of this process alone", async () => {
    database.engine.close();
    const held = workspace.keep(new Database(database.path));
    held.prepare("SELECT count(*) FROM t").get();
    const engine = database.newEngine();
    const before = [database.path, `${database.path}-shm`].map(locksOn);
    assert.deepEqual(
      before.map(({ length }) => length),
      [1, 1],
    );
    assert.equal((await backups.take(engine)).snapshot.method, "frozen");
    engine.close();
    assert.deepEqual([database.path, `${database.path}-shm`].map(locksOn), before);
    // What would be if this process had read the file itself.
    closeSync(openSync(database.path, "r"));
    assert.deepEqual(locksOn(database.path), []);
  });

  it("gives way to a copy when a reader needs the file as it was", async () => {
    const reader = workspace.keep(new Database(database.path));
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM t").get();
    database.foreign((db) => db.exec("UPDATE t SET a = 1"));
    const backup = await backups.take(database.engine);
    assert.equal(backup.snapshot.method, "copied");
    await database.engine.verify(backup, scratch());
  });

  it("fails when the process that reads the file dies, and can be repeated", async () => {
    let killed = 0;
    const engine = database.newEngine({
      onProgress: () => {
        for (const pid of packers()) {
          process.kill(pid, "SIGKILL");
          killed += 1;
        }
      },
    });
    await assert.rejects(backups.take(engine), { code: "backup-packer-died" });
    assert(killed > 0);
    assert.equal((await backups.take(database.engine)).snapshot.method, "frozen");
    assert.deepEqual(packers(), []);
  });

  it("stores the same pages as a copy does", async () => {
    const frozen = await backups.take(database.engine);
    const reader = workspace.keep(new Database(database.path));
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM t").get();
    database.foreign((db) => db.exec("UPDATE t SET a = 1 WHERE id = 1"));
    const copied = await backups.take(database.engine, frozen.access.backupId);
    assert.equal(copied.snapshot.method, "copied");
    assert(copied.snapshot.content.storedBytes < 200_000);
  });
});

describe("a snapshot of the main file behind a reader's lock", function () {
  this.timeout(30_000);
  let workspace: Workspace;
  let database: ManagedDatabase;
  let backups: TestBackups;

  beforeEach(async () => {
    workspace = new Workspace();
    backups = new TestBackups(workspace.directory);
    database = await new ManagedDatabase(workspace, "delete", DDL).install();
  });
  afterEach(() => workspace.remove());

  const write = (): void => {
    const db = new Database(database.path, { timeout: 0 });
    try {
      db.exec("UPDATE t SET a = a + 1");
    } finally {
      db.close();
    }
  };

  it("keeps writers waiting while the file is copied, and no longer", async () => {
    let refused = 0;
    let wrote = 0;
    const engine = database.newEngine({
      faults: (point) => {
        if (point !== "snapshot-locked") return;
        assert.throws(write, { code: "SQLITE_BUSY" });
        refused += 1;
      },
      onProgress: ({ fraction }) => {
        if (wrote > 0 || refused === 0 || fraction === 1) return;
        write();
        wrote += 1;
      },
    });
    const sum = database.value("SELECT sum(a) FROM t");
    const backup = await backups.take(engine);
    assert.deepEqual([refused, wrote], [1, 1]);
    assert.notEqual(database.value("SELECT sum(a) FROM t"), sum);
    assert.equal(backup.snapshot.method, "copied");
    const scratch = workspace.path("scratch.db");
    await engine.verify(backup, scratch);
    const copy = workspace.keep(new Database(scratch, { readonly: true }));
    assert.equal(copy.prepare("SELECT sum(a) FROM t").pluck().get(), sum);
    assert.equal(copy.pragma("integrity_check", { simple: true }), "ok");
  });

  it("has nothing of a transaction whose writer died in the middle", async () => {
    const sum = database.value("SELECT sum(a) FROM t");
    const writer = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import Database from "better-sqlite3";
         const db = new Database(${JSON.stringify(database.path)});
         db.pragma("cache_size = 10");
         db.exec("BEGIN; UPDATE t SET a = a + 1; UPDATE bulk SET b = randomblob(1 << 20)");
         process.stdout.write("spilled");
         setInterval(() => {}, 1000);`,
      ],
      { stdio: ["ignore", "pipe", "inherit"], cwd: process.cwd() },
    );
    await once(writer.stdout, "data");
    writer.kill("SIGKILL");
    await once(writer, "exit");
    assert(statSync(`${database.path}-journal`).size > 0);
    const backup = await backups.take(database.engine);
    const scratch = workspace.path("scratch.db");
    await database.engine.verify(backup, scratch);
    const copy = workspace.keep(new Database(scratch, { readonly: true }));
    assert.equal(copy.prepare("SELECT sum(a) FROM t").pluck().get(), sum);
    assert.equal(copy.pragma("integrity_check", { simple: true }), "ok");
  });
});
