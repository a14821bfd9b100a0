import assert from "node:assert/strict";
import { followSchema } from "../../../src/infra/sqlite/follow-schema.ts";
import { smallStep } from "../../bench/small-steps.ts";
import { ManagedDatabase, stepScript, Workspace } from "../../support/managed-database.ts";
import { done } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, "Odd Name" TEXT UNIQUE);
  CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parent (id));
  CREATE INDEX child_parent ON child (parent) WHERE parent > 1;
  CREATE VIEW both AS SELECT * FROM parent JOIN child ON child.parent = parent.id;
  CREATE TRIGGER watch AFTER INSERT ON child BEGIN DELETE FROM parent WHERE id = -1; END;
  CREATE VIRTUAL TABLE words USING fts5 (text);
  INSERT INTO parent (id) VALUES (1), (2);
  INSERT INTO child VALUES (1, 1);`;

/** What real steps do, also such that fail on tables without rows. */
const SCRIPTS = [
  "ALTER TABLE parent ADD COLUMN note TEXT NOT NULL DEFAULT 'x'; UPDATE parent SET note = 'y';",
  "INSERT INTO child SELECT id + 10, (SELECT id FROM parent WHERE id = 1) FROM parent;",
  "DROP VIEW both; CREATE TABLE sum AS SELECT count(*) AS n, max(note) AS most FROM parent;",
  "CREATE VIEW sums AS SELECT * FROM sum; PRAGMA legacy_alter_table = ON; ALTER TABLE sum RENAME TO total; DROP VIEW sums;",
  `CREATE TABLE child_2 (id INTEGER PRIMARY KEY, parent INTEGER);
   INSERT INTO child_2 SELECT * FROM child; DROP TABLE child; ALTER TABLE child_2 RENAME TO child;`,
  "CREATE TABLE IF NOT EXISTS child (other TEXT); CREATE TABLE IF NOT EXISTS more (other TEXT);",
  "DROP TABLE words;",
];

describe("following a schema through scripts", () => {
  let workspace: Workspace;
  let database: ManagedDatabase;

  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace.remove());

  async function compare(ddl: string, scripts: readonly string[]): Promise<void> {
    database = await new ManagedDatabase(workspace, "wal", ddl).install();
    const { schema } = await database.engine.schema();
    const reached = followSchema(
      schema,
      scripts.map((sql) => stepScript(sql)),
    );
    assert.equal(reached.length, scripts.length);
    for (const [i, sql] of scripts.entries()) {
      done(await database.apply(sql, { allow: { rowLoss: ["child", "words"] } }));
      const found = await database.engine.schema();
      assert.equal(reached[i]!.fingerprint, found.fingerprint, sql);
      assert.deepEqual(reached[i]!.schema, found.schema);
    }
  }

  it("leads where the steps lead on the database with its rows", () => compare(DDL, SCRIPTS));

  it("leads there from a schema without anything", () =>
    compare(
      "",
      Array.from({ length: 8 }, (_, n) => smallStep(n)),
    ));

  it("ends before what it cannot follow", async () => {
    database = await new ManagedDatabase(workspace, "wal", DDL).install();
    const { schema } = await database.engine.schema();
    const scripts = ["CREATE TABLE a (x)", "DROP TABLE nowhere", "CREATE TABLE b (x)"];
    const reached = followSchema(
      schema,
      scripts.map((sql) => stepScript(sql)),
    );
    assert.equal(reached.length, 1);
  });
});
