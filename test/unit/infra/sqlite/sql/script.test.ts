import assert from "node:assert/strict";
import type { TransactionMode } from "../../../../../src/domain/database/events.ts";
import { prepareScript } from "../../../../../src/infra/sqlite/sql/script.ts";
import { SqliteDialect } from "../../../../../src/infra/sqlite/sql/sqlite-dialect.ts";

const numbers = (sql: string): number[] =>
  prepareScript(sql, "required").statements.map((statement) => statement.number);
const codes = (sql: string, transaction: TransactionMode = "required"): string[] =>
  prepareScript(sql, transaction).findings.map(
    ({ severity, code, statement }) => `${severity} ${code} ${statement ?? "-"}`,
  );
const errors = (sql: string, transaction?: TransactionMode): string[] =>
  codes(sql, transaction).filter((code) => code.startsWith("error"));

const DO = "CREATE TABLE a(b);";
const OFF = "PRAGMA foreign_keys=OFF;";
const ON = "PRAGMA foreign_keys=ON;";

describe("prepareScript with a transaction", () => {
  it("numbers statements as submitted and gives the line of each", () => {
    const sql = "-- first\n\nSELECT 1;\r\n\r\n;; /* a\n */ SELECT\n2; SELECT 3";
    assert.deepEqual(prepareScript(sql, "required").statements, [
      { number: 1, sql: "SELECT 1;", line: 3 },
      { number: 2, sql: "SELECT\n2;", line: 6 },
      { number: 3, sql: "SELECT 3", line: 7 },
    ]);
  });

  for (const [name, sql, kept, rewritings] of [
    ["nothing to strip", DO, [1], 0],
    ["an outermost pair", `BEGIN;${DO}COMMIT;`, [2], 1],
    [
      "BEGIN IMMEDIATE TRANSACTION … END TRANSACTION",
      `begin immediate transaction;${DO}END TRANSACTION`,
      [2],
      1,
    ],
    ["a named transaction", `BEGIN EXCLUSIVE TRANSACTION x;${DO}COMMIT TRANSACTION x;`, [2], 1],
    ["comments around the pair", `/* a */ BEGIN /* b */; -- c\n${DO}COMMIT; -- d`, [2], 1],
    ["PRAGMAs around the pair", `${OFF}BEGIN;${DO}COMMIT;${ON}`, [3], 3],
    ["PRAGMAs inside the pair", `BEGIN;${OFF}${DO}${ON}COMMIT;`, [3], 3],
    ["other PRAGMAs around the pair", `PRAGMA legacy_alter_table=ON;BEGIN;${DO}COMMIT;`, [1, 3], 1],
    ["the idiom at the start", `COMMIT TRANSACTION;${OFF}BEGIN TRANSACTION;${DO}`, [4], 2],
    ["the idiom at start and end", `COMMIT;${OFF}BEGIN;${DO}COMMIT;${ON}BEGIN;`, [4], 4],
    [
      "idioms in a row",
      `COMMIT;${OFF}BEGIN;${DO}COMMIT;${ON}BEGIN;COMMIT;${OFF}BEGIN;${DO}COMMIT;${ON}BEGIN;`,
      [4, 11],
      8,
    ],
    [
      "the idiom with more PRAGMAs",
      `COMMIT;${OFF}PRAGMA legacy_alter_table=ON;BEGIN;${DO}`,
      [3, 5],
      2,
    ],
    ["the idiom inside a pair", `BEGIN;${DO}COMMIT;${OFF}BEGIN;${DO}COMMIT;`, [2, 6], 3],
    ["pairs one after the other", `BEGIN;${DO}COMMIT;${ON}BEGIN;${DO}END;`, [2, 6], 3],
    ["an empty pair", "BEGIN; COMMIT;", [], 1],
  ] as const)
    it(`leaves out what fits other runners only: ${name}`, () => {
      assert.deepEqual(numbers(sql), kept);
      assert.deepEqual(errors(sql), []);
      assert.equal(prepareScript(sql, "required").rewritings.length, rewritings);
    });

  it("says what it left out with statement numbers", () => {
    const { rewritings } = prepareScript(`BEGIN IMMEDIATE;${OFF}${DO}COMMIT;`, "required");
    assert.match(rewritings[0]!, /statement 1 \(BEGIN IMMEDIATE\) and statement 4 \(COMMIT\)/);
    assert.match(rewritings[1]!, /statement 2 \(PRAGMA foreign_keys\)/);
  });

  for (const [sql, expected] of [
    [`${DO}COMMIT;`, ["error transaction-control 2"]],
    [`BEGIN;${DO}`, ["error transaction-control 1"]],
    [`${DO}BEGIN;${DO}COMMIT;`, ["error transaction-control 2", "error transaction-control 4"]],
    [`BEGIN;${DO}COMMIT;${DO}`, ["error transaction-control 1", "error transaction-control 3"]],
    [`${DO}COMMIT;BEGIN;${DO}`, ["error transaction-control 2", "error transaction-control 3"]],
    [
      `BEGIN;${DO}COMMIT;${DO}BEGIN;${DO}COMMIT;`,
      [1, 3, 5, 7].map((n) => `error transaction-control ${n}`),
    ],
    [`BEGIN;BEGIN;${DO}COMMIT;`, [1, 2, 4].map((n) => `error transaction-control ${n}`)],
    [`BEGIN;${DO}COMMIT;COMMIT;`, [1, 3, 4].map((n) => `error transaction-control ${n}`)],
    [
      `COMMIT;PRAGMA user_version=1;BEGIN;`,
      ["error transaction-control 1", "error transaction-control 3"],
    ],
    [`COMMIT;${OFF}BEGIN;${DO}COMMIT;${ON}`, ["error transaction-control 5"]],
    [`BEGIN;ROLLBACK;COMMIT;`, ["error transaction-control 2"]],
    [
      "SAVEPOINT a; RELEASE a; ROLLBACK TO a;",
      [1, 2, 3].map((n) => `error transaction-control ${n}`),
    ],
    ["EXPLAIN COMMIT;", ["error transaction-control 1"]],
    ["BEGIN CONCURRENT; COMMIT;", ["error transaction-control 1", "error transaction-control 2"]],
    ["ATTACH 'x' AS y; DETACH y", ["error attach 1", "error detach 2"]],
    ["VACUUM; VACUUM INTO 'x'", ["error vacuum 1", "error vacuum 2"]],
    [
      "PRAGMA journal_mode=wal; PRAGMA made_up;",
      ["error pragma-refused 1", "error pragma-refused 2"],
    ],
    ["SELECT 1; SELECT 'a", ["error incomplete-statement 2"]],
    ["SELECT 1; /* a", ["error incomplete-statement 1"]],
    ["/* a", ["error incomplete-statement -"]],
    ["CREATE TRIGGER a AFTER INSERT ON b BEGIN SELECT 1;", ["error incomplete-statement 1"]],
    ["UPDATE a SET b = :value", ["error bind-parameter 1"]],
    ["SELECT 1;\0", ["error nul-in-sql -"]],
    [`SELECT '${"é".repeat(8 * 1024 * 1024)}'`, ["error script-too-large -"]],
    ["CREATE TRIGGER a AFTER INSERT ON b BEGIN UPDATE c SET d = CASE 1 WHEN 1 THEN 2 END; END", []],
    ["SELECT 'COMMIT'; -- ROLLBACK;\nSELECT \"BEGIN\"", []],
  ] as const)
    it(`finds [${expected.join(", ")}] in ${JSON.stringify(sql.slice(0, 60))}`, () => {
      assert.deepEqual(errors(sql), expected);
    });

  it("explains what it skips, and gives every error a hint", () => {
    assert.deepEqual(codes(`${OFF}${DO}`), ["info pragma-skipped 1"]);
    for (const { hint } of prepareScript("COMMIT; VACUUM; ATTACH 'a' AS b; PRAGMA x", "required")
      .findings)
      assert.ok(hint !== undefined && hint.length > 10);
  });

  for (const sql of ["", " \n", "-- nothing", ";;", "BEGIN;COMMIT;"])
    it(`allows the empty script ${JSON.stringify(sql)}`, () => {
      assert.deepEqual(codes(sql), ["info empty-script -"]);
    });

  it("reads five megabytes in one statement and 20,000 statements", () => {
    const big = `INSERT INTO t VALUES${"('it''s', 1),".repeat(420_000)}(2, 3);`;
    assert.equal(prepareScript(big, "required").statements.length, 1);
    const many = prepareScript("DELETE FROM t;\n".repeat(20_000), "required");
    assert.equal(many.statements.length, 20_000);
    assert.equal(many.statements.at(-1)?.line, 20_000);
    assert.deepEqual(many.destroys, ["t"]);
  });
});

describe("prepareScript without a transaction", () => {
  for (const sql of [
    "VACUUM",
    "vacuum main;",
    "PRAGMA journal_mode=WAL;",
    "PRAGMA main.journal_mode(delete)",
    "PRAGMA auto_vacuum = incremental; VACUUM;",
    "PRAGMA auto_vacuum=0; VACUUM;",
    "PRAGMA page_size=65536; VACUUM;",
  ])
    it(`allows ${sql}`, () => {
      assert.deepEqual(codes(sql, "none"), []);
      assert.ok(prepareScript(sql, "none").statements.length > 0);
    });

  for (const sql of [
    "",
    "CREATE TABLE a(b)",
    "VACUUM; VACUUM",
    "VACUUM; SELECT 1",
    "EXPLAIN PRAGMA journal_mode=wal",
    "PRAGMA journal_mode",
    "PRAGMA journal_mode=off",
    "PRAGMA journal_mode=memory",
    "PRAGMA temp.journal_mode=wal",
    "PRAGMA auto_vacuum=1",
    "PRAGMA auto_vacuum=3; VACUUM",
    "PRAGMA page_size=1000; VACUUM",
    "PRAGMA page_size=4096; VACUUM; VACUUM",
    "PRAGMA synchronous=off; VACUUM",
    "BEGIN; COMMIT",
  ])
    it(`refuses ${sql || "an empty script"}`, () => {
      assert.deepEqual(errors(sql, "none"), ["error not-non-transactional -"]);
    });

  for (const sql of ["VACUUM INTO 'x'", "VACUUM main INTO 'x'", "VACUUM temp", "EXPLAIN VACUUM"])
    it(`refuses ${sql}`, () => {
      assert.deepEqual(errors(sql, "none"), ["error vacuum 1"]);
    });
});

describe("destroyed tables", () => {
  for (const [sql, expected] of [
    ['DROP TABLE a; drop table if exists main."b c"; DROP VIEW v; DROP INDEX i', ["a", "b c"]],
    ["DELETE FROM a WHERE 1; WITH x AS (SELECT 1) DELETE FROM [b]", ["a", "b"]],
    [
      "REPLACE INTO a VALUES(1); INSERT OR REPLACE INTO 'b' SELECT 1; INSERT INTO c SELECT 1",
      ["a", "b"],
    ],
    ["UPDATE OR REPLACE a SET b=1; UPDATE c SET d=replace(d, 'x', 'y')", ["a"]],
    ["ALTER TABLE a DROP COLUMN b; ALTER TABLE c DROP d; ALTER TABLE e ADD COLUMN f", ["a", "c"]],
    ["ALTER TABLE a DROP CONSTRAINT b; ALTER TABLE c ALTER COLUMN d DROP NOT NULL", []],
    ["ALTER TABLE a RENAME TO b; ALTER TABLE c RENAME COLUMN d TO e", []],
    [
      "CREATE TABLE a_new(b); INSERT INTO a_new SELECT * FROM a; DROP TABLE a; ALTER TABLE a_new RENAME TO a",
      ["a", "a_new"],
    ],
    ["ALTER TABLE a RENAME TO a_old; CREATE TABLE a(b); DROP TABLE a_old", ["a_old", "a"]],
    ["ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME TO c; DROP TABLE c", ["c", "b", "a"]],
    ["CREATE TRIGGER t AFTER DELETE ON a BEGIN DELETE FROM b; END", ["b"]],
    ["DROP TABLE T; DELETE FROM t; DROP TABLE Ä; DROP TABLE ä", ["T", "Ä", "ä"]],
    [
      "SELECT 'DROP TABLE a' -- DROP TABLE b\n, \"DELETE\" FROM x; CREATE TABLE y(z REFERENCES a ON DELETE CASCADE)",
      [],
    ],
    ['DROP /* x */ TABLE -- y\n "a""b"', ['a"b']],
    ["DROP", []],
  ] as const)
    it(`are [${expected.join(", ")}] in ${sql}`, () => {
      const { destroys } = prepareScript(sql, "required");
      assert.deepEqual(destroys.toSorted(), [...expected].toSorted());
    });
});

describe("SqliteDialect", () => {
  it("analyses scripts by their text", () => {
    const analysis = new SqliteDialect().analyze({ sql: DO, transaction: "required", allow: {} });
    assert.deepEqual(analysis, prepareScript(DO, "required"));
  });
});
