import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { ManagedDatabase, MODES, Workspace } from "../../support/managed-database.ts";
import { done, failure } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE keep (id INTEGER PRIMARY KEY, v TEXT UNIQUE ON CONFLICT ROLLBACK);
  CREATE TABLE log (x);
  INSERT INTO keep VALUES (1, 'a'), (2, 'b');
  CREATE TRIGGER boom BEFORE INSERT ON log WHEN NEW.x = 13
    BEGIN SELECT RAISE(ROLLBACK, 'unlucky'); END;
  CREATE TRIGGER wipe AFTER INSERT ON log WHEN NEW.x = 14 BEGIN DELETE FROM keep; END;
  CREATE VIEW both AS SELECT id FROM keep;`;

/** What is tried, the code it must fail with, and the statement that is to blame. */
type Attack = readonly [sql: string, code: string, statement?: number];

const FIRST = "INSERT INTO keep VALUES (3, 'c');";
const MARKER = "'x', 'done', 's', 'p', 'c', 1, zeroblob(32), NULL, NULL, 't'";

const ATTACKS: readonly Attack[] = [
  // Leaving the transaction.
  [`${FIRST} COMMIT`, "transaction-control", 2],
  [`${FIRST} END TRANSACTION`, "transaction-control", 2],
  [`${FIRST} ROLLBACK`, "transaction-control", 2],
  [`${FIRST} /* hidden */ ; -- still\n COMMIT`, "transaction-control", 2],
  [`${FIRST} COMMIT; BEGIN; DELETE FROM keep`, "transaction-control", 2],
  [`${FIRST} ROLLBACK; BEGIN`, "transaction-control", 2],
  [`${FIRST} SAVEPOINT s; RELEASE s`, "transaction-control", 2],
  [`${FIRST} RELEASE guard`, "transaction-control", 2],
  [`${FIRST} ROLLBACK TO guard`, "transaction-control", 2],
  [`${FIRST} EXPLAIN COMMIT`, "transaction-control", 2],
  [`\ufeff COMMIT`, "transaction-control", 1],
  // Statements that roll everything back when they fail.
  [
    `${FIRST} INSERT OR ROLLBACK INTO keep (id) VALUES (1); DELETE FROM keep`,
    "statement-failed",
    2,
  ],
  [`${FIRST} UPDATE OR ROLLBACK keep SET id = 1; DELETE FROM keep`, "statement-failed", 2],
  [`${FIRST} INSERT INTO keep VALUES (4, 'a'); DELETE FROM keep`, "statement-failed", 2],
  [`${FIRST} INSERT INTO log VALUES (13); DELETE FROM keep`, "statement-failed", 2],
  [`${FIRST} SELECT RAISE(ROLLBACK, 'no')`, "statement-failed", 2],
  // Other files, other code.
  [`${FIRST} ATTACH 'stray.db' AS s; CREATE TABLE s.t (a)`, "attach", 2],
  [`${FIRST} EXPLAIN ATTACH 'stray.db' AS s`, "attach", 2],
  [`${FIRST} DETACH main`, "detach", 2],
  [`${FIRST} VACUUM`, "vacuum", 2],
  [`${FIRST} VACUUM INTO 'stray.db'`, "vacuum", 2],
  [`${FIRST} SELECT load_extension('evil')`, "load-extension", 2],
  [`${FIRST} SELECT writefile('stray.txt', 'x')`, "statement-failed", 2],
  [`${FIRST} CREATE VIRTUAL TABLE temp.z USING csv(filename = 'stray.csv')`, "statement-failed", 2],
  // The connection's and the file's settings.
  [`${FIRST} PRAGMA writable_schema = ON; DELETE FROM sqlite_schema`, "pragma-refused", 2],
  [`${FIRST} PRAGMA main.writable_schema(1)`, "pragma-refused", 2],
  [`${FIRST} EXPLAIN PRAGMA journal_mode = OFF`, "pragma-refused", 2],
  [`${FIRST} PRAGMA journal_mode = OFF`, "pragma-refused", 2],
  [`${FIRST} PRAGMA synchronous = OFF`, "pragma-refused", 2],
  [`${FIRST} PRAGMA locking_mode = EXCLUSIVE`, "pragma-refused", 2],
  [`${FIRST} PRAGMA hard_heap_limit = 1`, "pragma-refused", 2],
  [`${FIRST} PRAGMA ignore_check_constraints = ON`, "pragma-refused", 2],
  [`${FIRST} PRAGMA wal_checkpoint(TRUNCATE)`, "pragma-refused", 2],
  [`${FIRST} PRAGMA temp_store_directory = '/'`, "pragma-refused", 2],
  [`${FIRST} PRAGMA never_heard_of = 1`, "pragma-refused", 2],
  [`${FIRST} DELETE FROM sqlite_schema`, "statement-failed", 2],
  [`${FIRST} DELETE FROM sqlite_schema WHERE name = 'keep'`, "statement-failed", 2],
  // The database's own record of its steps.
  [`${FIRST} DELETE FROM schemaledger_marker`, "tampering", 2],
  [`${FIRST} INSERT INTO schemaledger_marker VALUES (${MARKER})`, "tampering", 2],
  [`${FIRST} INSERT INTO main."SchemaLedger_Marker" VALUES (${MARKER})`, "tampering", 2],
  [`${FIRST} REPLACE INTO [schemaledger_marker] VALUES (${MARKER})`, "tampering", 2],
  [`${FIRST} UPDATE schemaledger_meta SET fence = 0`, "tampering", 2],
  [`${FIRST} UPDATE schemaledger_meta AS m SET fence = k.id FROM keep k`, "tampering", 2],
  [`${FIRST} WITH x AS (SELECT 1) DELETE FROM schemaledger_meta`, "tampering", 2],
  [`${FIRST} DROP TABLE schemaledger_meta`, "tampering", 2],
  [`${FIRST} DROP TABLE IF EXISTS schemaledger_marker`, "tampering", 2],
  [`${FIRST} ALTER TABLE schemaledger_marker RENAME TO gone`, "tampering", 2],
  [`${FIRST} ALTER TABLE schemaledger_marker ADD COLUMN c`, "tampering", 2],
  [`${FIRST} CREATE INDEX i ON schemaledger_marker (at)`, "tampering", 2],
  [
    `${FIRST} CREATE TRIGGER t BEFORE INSERT ON schemaledger_marker BEGIN SELECT RAISE(IGNORE); END`,
    "tampering",
    2,
  ],
  [
    `${FIRST} CREATE TRIGGER t AFTER INSERT ON keep BEGIN DELETE FROM schemaledger_marker; END`,
    "tampering",
    2,
  ],
  [`${FIRST} CREATE TEMP TABLE schemaledger_marker (attempt)`, "tampering", 2],
  [`${FIRST} CREATE TEMP VIEW schemaledger_meta AS SELECT 1`, "tampering", 2],
  // Temporary objects in the way of real ones.
  [`${FIRST} CREATE TEMP TABLE keep (id)`, "temp-shadow", 2],
  [
    `${FIRST} CREATE TEMP TRIGGER t AFTER INSERT ON keep BEGIN DELETE FROM log; END`,
    "temp-trigger",
    2,
  ],
  // Loss that hides.
  [`${FIRST} INSERT INTO log VALUES (14)`, "rows-lost"],
  ["REPLACE INTO keep VALUES (1, 'b')", "rows-lost"],
  ["UPDATE OR REPLACE keep SET id = 1", "rows-lost"],
  // Texts that are not what they seem.
  [`${FIRST} CREATE TABLE a (x);\0 DROP TABLE keep`, "nul-in-sql"],
  [`${FIRST} INSERT INTO keep VALUES (4, 'open`, "incomplete-statement", 2],
  [`${FIRST} /* open; DELETE FROM keep`, "incomplete-statement", 1],
  [
    `${FIRST} CREATE TRIGGER t AFTER INSERT ON keep BEGIN DELETE FROM log;`,
    "incomplete-statement",
    2,
  ],
  [`${FIRST} INSERT INTO keep VALUES (?, :name)`, "bind-parameter", 2],
  [`${FIRST} SELEC 1`, "statement-failed", 2],
  [`${FIRST} INSERT INTO both VALUES (1)`, "statement-failed", 2],
  [`${FIRST} SELECT '${"x".repeat(17 * 1024 * 1024)}'`, "script-too-large"],
];

for (const mode of MODES)
  describe(`hostile SQL (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;
    let content: unknown;
    let files: string[];

    // One database for all: each attack must leave it as it was.
    before(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, DDL).install();
      done(await database.apply("CREATE TABLE earlier (a)"));
      content = database.content();
      files = present();
    });
    after(() => workspace.remove());

    const present = (): string[] =>
      workspace.files().filter((name) => !/-(wal|shm|journal)$/.test(name));

    for (const [sql, code, statement] of ATTACKS)
      it(`undoes ${JSON.stringify(sql.slice(0, 100))}`, async () => {
        const result = failure(await database.apply(sql));
        const { error, state } = result;
        assert.deepEqual(
          { code: error.code, statement: error.statement, state },
          { code, statement, state: "unchanged" },
          JSON.stringify(result),
        );
        assert.deepEqual(database.content(), content);
        assert.deepEqual(present(), files);
        assert.ok(!existsSync("stray.db") && !existsSync("stray.txt"));
      });

    it("runs a statement of 5 MB and then stops at the next one's fault", async () => {
      const long = `INSERT INTO log VALUES ('${"x".repeat(5_000_000)}')`;
      const { error } = failure(await database.apply(`${long}; COMMIT`));
      assert.deepEqual([error.code, error.statement], ["transaction-control", 2]);
      assert.deepEqual(database.content(), content);
    });

    it("still applies an honest step afterwards", async () => {
      done(await database.apply(`${FIRST} CREATE TABLE honest (a)`));
    });
  });
