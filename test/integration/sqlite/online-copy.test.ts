import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { copyOnline } from "../../../src/infra/sqlite/online-copy.ts";
import { deadlineIn } from "../../../src/infra/sqlite/waiting.ts";
import { Workspace } from "../../support/managed-database.ts";

const ROWS = `CREATE TABLE t (a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
  WHERE i < 500) INSERT INTO t SELECT randomblob(2000) FROM n`;

/** Who is in the way, in which journal mode of the destination. */
const OBSTACLES: readonly (readonly [mode: string, sql: string])[] = [
  ["delete", "BEGIN; SELECT count(*) FROM t"],
  ["delete", "BEGIN IMMEDIATE"],
  ["delete", "BEGIN EXCLUSIVE"],
  ["wal", "BEGIN IMMEDIATE"],
];

describe("copyOnline", () => {
  let workspace: Workspace;

  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace.remove());

  function create(name: string, mode: string, sql: string): Database.Database {
    const db = workspace.keep(new Database(workspace.path(name), { timeout: 0 }));
    db.pragma(`journal_mode = ${mode}`);
    db.exec(sql);
    return db;
  }

  const copy = (source: Database.Database, ms: number) =>
    copyOnline({
      source,
      destination: workspace.path("destination.db"),
      deadline: deadlineIn(ms),
      busyCode: "copy-busy",
    });

  for (const [mode, sql] of OBSTACLES)
    it(`never takes nothing for success: ${sql} in a destination in ${mode} mode`, async () => {
      const source = create("source.db", "delete", ROWS);
      const other = create(
        "destination.db",
        mode,
        "CREATE TABLE t (old); INSERT INTO t VALUES (1)",
      );
      other.exec(sql);
      await assert.rejects(copy(source, 100), { code: "copy-busy" });
      other.exec("ROLLBACK");
      assert.equal(other.prepare("SELECT old FROM t").pluck().get(), 1);
      assert.ok((await copy(source, 2000)) > 200);
      assert.equal(other.prepare("SELECT count(*) FROM t").pluck().get(), 500);
    });

  it("waits for a source that is locked, and copies once it is free", async () => {
    const source = create("source.db", "delete", ROWS);
    const other = workspace.keep(new Database(workspace.path("source.db")));
    other.exec("BEGIN EXCLUSIVE");
    await assert.rejects(copy(source, 50), { code: "copy-busy" });
    assert.deepEqual(workspace.files(), ["source.db"]);
    setTimeout(() => other.exec("ROLLBACK"), 30);
    await copy(source, 2000);
  });

  it("copies the moment at which it began, whatever is written meanwhile", async () => {
    const source = create("source.db", "wal", ROWS);
    const other = workspace.keep(new Database(workspace.path("source.db")));
    const pages = await copyOnline({
      source,
      destination: workspace.path("destination.db"),
      deadline: deadlineIn(2000),
      busyCode: "copy-busy",
      onLocked: () => other.exec("DELETE FROM t"),
    });
    const copied = workspace.keep(new Database(workspace.path("destination.db")));
    assert.equal(copied.prepare("SELECT count(*) FROM t").pluck().get(), 500);
    assert.equal(copied.pragma("page_count", { simple: true }), pages);
  });

  it("stops at an objection and leaves the destination alone", async () => {
    const source = create("source.db", "delete", ROWS);
    const other = create("destination.db", "delete", "CREATE TABLE t (old)");
    const objection = new Error("Not now");
    const attempt = copyOnline({
      source,
      destination: workspace.path("destination.db"),
      deadline: deadlineIn(2000),
      busyCode: "copy-busy",
      onLocked: () => {
        throw objection;
      },
    });
    await assert.rejects(attempt, objection);
    assert.deepEqual(other.prepare("SELECT * FROM t").all(), []);
    assert.equal(source.inTransaction, false);
  });
});
