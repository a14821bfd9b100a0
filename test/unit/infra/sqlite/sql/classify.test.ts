import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { classify, type Classification } from "../../../../../src/infra/sqlite/sql/classify.ts";

const SCHEMA = `
CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE);
CREATE TABLE child(x REFERENCES parent(p) ON DELETE CASCADE);
CREATE TABLE parent(p PRIMARY KEY);
CREATE TABLE watched(a);
CREATE TABLE log(a);
CREATE TRIGGER watch AFTER INSERT ON watched BEGIN INSERT INTO log VALUES(new.a); END;
CREATE TABLE fussy(a PRIMARY KEY ON CONFLICT ROLLBACK);
CREATE TABLE refusing(a);
CREATE TRIGGER refuse BEFORE INSERT ON refusing BEGIN SELECT RAISE(ROLLBACK, 'no'); END;
CREATE TABLE plain(a);
CREATE VIEW v AS SELECT a FROM plain;
CREATE TRIGGER instead INSTEAD OF INSERT ON v BEGIN INSERT INTO plain VALUES(new.a); END;
CREATE VIRTUAL TABLE notes USING fts5(text);
CREATE VIRTUAL TABLE places USING rtree(id, x1, x2);
CREATE TABLE wordy(a);
CREATE TRIGGER index_words AFTER INSERT ON wordy BEGIN INSERT INTO notes VALUES(new.a); END;
CREATE TABLE schemaledger_meta(one INTEGER PRIMARY KEY, fence INTEGER);
CREATE TABLE schemaledger_marker(attempt, phase, PRIMARY KEY(attempt, phase));
CREATE TABLE poisoned(a);
CREATE TRIGGER poison AFTER INSERT ON poisoned BEGIN DELETE FROM schemaledger_marker; END;
CREATE TABLE other(k);
CREATE TABLE Übung(k);
`;

describe("classify", () => {
  const directory = mkdtempSync(join(tmpdir(), "classify-"));
  let db: Database.Database;

  beforeEach(() => {
    db = new Database(":memory:");
    db.pragma("foreign_keys = OFF");
    db.exec(SCHEMA);
    db.exec("BEGIN IMMEDIATE");
  });
  afterEach(() => db.close());
  after(() => rmSync(directory, { recursive: true }));

  const refusal = (sql: string): string | undefined => classify(db, sql).refusal?.code;

  const kinds: readonly (readonly [string, Classification["kind"], readonly string[]])[] = [
    ["SELECT * FROM t", "read", []],
    ["EXPLAIN DELETE FROM t", "read", []],
    ["EXPLAIN QUERY PLAN SELECT 1", "read", []],
    ["WITH x AS (SELECT 1) SELECT * FROM x", "read", []],
    ["INSERT INTO t(b) VALUES(1)", "write", ["t"]],
    ["/* x */ ; UPDATE t SET b = 1", "write", ["t"]],
    ["DELETE FROM t", "write", ["t"]],
    ["DELETE FROM t WHERE a = 1", "write", ["t"]],
    ["WITH x AS (SELECT 1) DELETE FROM t", "write", ["t"]],
    ["DELETE FROM parent", "write", ["parent"]],
    ["INSERT INTO watched VALUES(1)", "write", ["log", "watched"]],
    ["INSERT INTO v VALUES(1)", "write", ["plain"]],
    ["INSERT INTO plain SELECT b FROM t ORDER BY b", "write", ["plain"]],
    ["INSERT INTO Übung VALUES(1)", "write", ["Übung"]],
    [
      "INSERT INTO notes VALUES('a')",
      "write",
      ["notes", "notes_config", "notes_content", "notes_data", "notes_docsize", "notes_idx"],
    ],
    [
      "INSERT INTO places VALUES(1, 2, 3)",
      "write",
      ["places", "places_node", "places_parent", "places_rowid"],
    ],
    ["REINDEX", "write", []],
    ["ANALYZE", "ddl", []],
    ["CREATE TABLE n(a)", "ddl", []],
    ["CREATE TABLE n AS SELECT * FROM t", "ddl", []],
    ["CREATE TABLE IF NOT EXISTS t(a)", "read", []],
    ["DROP TABLE IF EXISTS nowhere", "read", []],
    ["CREATE UNIQUE INDEX i ON plain(a)", "ddl", []],
    ["CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM plain; END", "ddl", []],
    ["CREATE VIRTUAL TABLE n USING fts5(a)", "ddl", []],
    ["DROP TABLE t", "ddl", ["t"]],
    [
      "DROP TABLE notes",
      "ddl",
      ["notes", "notes_config", "notes_content", "notes_data", "notes_docsize", "notes_idx"],
    ],
    ["DROP VIEW v", "ddl", []],
    ["DROP TRIGGER poison", "ddl", []],
    ["ALTER TABLE t ADD COLUMN c", "ddl", []],
    ["ALTER TABLE other RENAME TO other2", "ddl", []],
    ["PRAGMA foreign_keys = ON", "pragma", []],
    ["EXPLAIN PRAGMA foreign_keys = ON", "pragma", []],
  ];
  for (const [sql, kind, writes] of kinds)
    it(`takes ${sql} for ${kind} of [${writes.join(", ")}]`, () => {
      const { refusal: why, ...found } = classify(db, sql);
      assert.equal(why, undefined);
      assert.equal(found.kind, kind);
      assert.deepEqual(found.writes, writes);
      assert.equal(found.taints, false);
    });

  it("names virtual tables written through a trigger", () => {
    assert.ok(classify(db, "INSERT INTO wordy VALUES(1)").writes.includes("notes"));
  });

  it("names children of cascades when foreign keys are on", () => {
    db.exec("COMMIT; PRAGMA foreign_keys = ON; BEGIN");
    assert.deepEqual(classify(db, "DELETE FROM parent").writes, ["child", "parent"]);
  });

  it("acts on nothing, neither on a PRAGMA", () => {
    db.exec("COMMIT");
    for (const sql of [
      "PRAGMA foreign_keys = ON",
      "EXPLAIN PRAGMA foreign_keys = ON",
      "DROP TABLE t",
      "COMMIT",
    ])
      classify(db, sql);
    assert.equal(db.pragma("foreign_keys", { simple: true }), 0);
    db.exec("SELECT * FROM t");
  });

  for (const sql of [
    "INSERT OR ROLLBACK INTO t VALUES(1, 2)",
    "UPDATE OR ROLLBACK t SET b = 1",
    "INSERT INTO fussy VALUES(1)",
    "INSERT INTO refusing VALUES(1)",
  ])
    it(`sees that ${sql} may end the transaction`, () => {
      assert.equal(classify(db, sql).mayRollBack, true);
    });
  it("sees that OR REPLACE may not end the transaction", () => {
    assert.equal(classify(db, "INSERT OR REPLACE INTO t VALUES(1, 2)").mayRollBack, false);
  });

  for (const [code, statements] of [
    [
      "transaction-control",
      "BEGIN|BEGIN EXCLUSIVE|COMMIT|END|ROLLBACK|/* */ ;COMMIT|EXPLAIN COMMIT|SAVEPOINT a|RELEASE a|ROLLBACK TO a",
    ],
    ["attach", "ATTACH ':memory:' AS y"],
    ["detach", "DETACH main"],
    ["load-extension", "SELECT load_extension('x')|INSERT INTO plain SELECT load_extension('x')"],
    ["vacuum", "VACUUM|VACUUM INTO 'x'"],
    ["not-one-statement", "|-- nothing|SELECT 1; COMMIT"],
    ["bind-parameter", "UPDATE t SET b = :b|SELECT ?"],
    [
      "tampering",
      `INSERT INTO schemaledger_meta VALUES(1, 2)|UPDATE SchemaLedger_Meta SET fence = 9|DELETE FROM "schemaledger_marker"
|DELETE FROM schemaledger_marker WHERE attempt = 1|INSERT INTO poisoned VALUES(1)|DROP TABLE schemaledger_meta
|DROP TABLE IF EXISTS main.[schemaledger_marker]|ALTER TABLE schemaledger_meta RENAME TO mine
|ALTER TABLE schemaledger_meta ADD COLUMN x|ALTER TABLE schemaledger_meta RENAME COLUMN fence TO x
|ALTER TABLE t RENAME TO schemaledger_x|CREATE TABLE schemaledger_x(a)|CREATE TABLE IF NOT EXISTS schemaledger_meta(a)
|CREATE TEMP TABLE schemaledger_meta(one, fence)|CREATE VIEW 'schemaledger_view' AS SELECT 1|CREATE INDEX schemaledger_i ON t(b)
|CREATE UNIQUE INDEX i ON schemaledger_marker(phase)|CREATE VIEW w AS SELECT * FROM schemaledger_meta
|CREATE TRIGGER g AFTER INSERT ON schemaledger_marker BEGIN SELECT 1; END
|CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM schemaledger_marker; END
|CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE 'SCHEMALEDGER_META' SET fence = 0; END
|CREATE TEMP TRIGGER g AFTER INSERT ON schemaledger_marker BEGIN SELECT RAISE(IGNORE); END
|CREATE TABLE n(a REFERENCES schemaledger_meta(one))|CREATE VIRTUAL TABLE schemaledger USING fts5(a)
|ALTER TABLE notes RENAME TO SchemaLedger`,
    ],
    [
      "temp-shadow",
      "CREATE TEMP TABLE t(a)|CREATE TABLE temp.T(a)|CREATE TEMPORARY VIEW plain AS SELECT 1|CREATE TEMP TABLE v(a)|CREATE TEMP TABLE IF NOT EXISTS t(a)|CREATE TEMP TABLE plain AS SELECT 1",
    ],
    [
      "temp-trigger",
      "CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END|CREATE TRIGGER temp.g BEFORE DELETE ON main.t BEGIN SELECT RAISE(IGNORE); END|CREATE TEMP TRIGGER g INSTEAD OF INSERT ON v BEGIN SELECT 1; END",
    ],
  ] as const)
    for (const sql of statements.split("|").map((statement) => statement.trim()))
      it(`refuses ${JSON.stringify(sql)} as ${code}`, () => {
        assert.equal(refusal(sql), code);
        assert.equal(classify(db, sql).kind, "refuse");
      });

  it("allows reading its own tables and dropping a trigger that would write to them", () => {
    assert.equal(refusal("SELECT * FROM schemaledger_marker"), undefined);
    db.exec("DROP TRIGGER poison");
    assert.equal(refusal("INSERT INTO poisoned VALUES(1)"), undefined);
  });

  it("allows other temporary objects and reports that they stay in the connection", () => {
    for (const sql of [
      "CREATE TEMP TABLE scratch(a)",
      "CREATE TEMP VIEW seen AS SELECT * FROM t",
      "CREATE TRIGGER on_scratch AFTER INSERT ON scratch BEGIN INSERT INTO plain VALUES(1); END",
      "CREATE TEMP TRIGGER on_scratch2 AFTER DELETE ON temp.scratch BEGIN SELECT 1; END",
      "CREATE INDEX temp.i ON scratch(a)",
      "DELETE FROM scratch",
      "ALTER TABLE scratch RENAME TO scratch2",
      "DROP TABLE scratch2",
    ]) {
      const found = classify(db, sql);
      assert.equal(found.refusal, undefined, sql);
      assert.equal(found.taints, true, sql);
      db.exec(sql);
    }
  });

  it("names main tables that a trigger on a temporary table writes", () => {
    db.exec(
      "CREATE TEMP TABLE s(a); CREATE TRIGGER g AFTER INSERT ON s BEGIN INSERT INTO plain VALUES(1); END",
    );
    assert.deepEqual(classify(db, "INSERT INTO s VALUES(1)").writes, ["plain"]);
  });

  it("refuses main objects that a temporary one would hide", () => {
    db.exec("CREATE TEMP TABLE s(a)");
    for (const sql of [
      "CREATE TABLE main.s(a)",
      "ALTER TABLE other RENAME TO S",
      "ALTER TABLE s RENAME TO other",
    ])
      assert.equal(refusal(sql), "temp-shadow", sql);
  });

  it("refuses writing to an attached database and allows reading it", () => {
    db.exec("COMMIT");
    db.prepare("ATTACH ? AS y").run(join(directory, "attached.db"));
    db.exec("CREATE TABLE y.z(a); BEGIN");
    assert.equal(refusal("INSERT INTO y.z VALUES(1)"), "foreign-database");
    assert.equal(refusal("CREATE TABLE y.n(a)"), "foreign-database");
    assert.equal(refusal("INSERT INTO plain SELECT a FROM y.z"), undefined);
  });

  it("reports a renaming", () => {
    assert.deepEqual(classify(db, 'ALTER TABLE main."other" RENAME TO [o 2]').renamed, {
      from: "other",
      to: "o 2",
    });
  });

  it("follows the schema as statements and rollbacks change it", () => {
    const writes = (sql: string): readonly string[] => classify(db, sql).writes;
    db.exec("SAVEPOINT s; CREATE TABLE first(a)");
    assert.deepEqual(writes("DELETE FROM first"), ["first"]);
    db.exec("ROLLBACK TO s; CREATE TABLE second(a)");
    assert.deepEqual(writes("DELETE FROM second"), ["second"]);
    db.exec("ALTER TABLE second RENAME TO third");
    assert.deepEqual(writes("INSERT INTO third VALUES(1)"), ["third"]);
  });

  it("throws what SQLite says about a statement that is wrong", () => {
    assert.throws(() => classify(db, "DELETE FROM nowhere"), /no such table: nowhere/);
    assert.throws(() => classify(db, "DELEET"), /syntax error/);
  });

  it("gives the same answers when integers are big", () => {
    db.defaultSafeIntegers(true);
    assert.deepEqual(classify(db, "DELETE FROM t").writes, ["t"]);
    assert.equal(classify(db, "INSERT OR ROLLBACK INTO t VALUES(1, 2)").mayRollBack, true);
  });
});
