import { deepEqual, equal, ok } from "node:assert/strict";
import { loadParser, parseSql } from "../../../../src/infra/postgres/sql/parser.ts";
import { PostgresDialect } from "../../../../src/infra/postgres/sql/postgres-dialect.ts";
import { redactMessage } from "../../../../src/infra/postgres/sql/redact.ts";
import { prepareScript } from "../../../../src/infra/postgres/sql/script.ts";

const codes = (sql: string, transaction: "required" | "none" = "required"): string[] =>
  prepareScript(sql, transaction).findings.map(
    ({ severity, code, statement }) => `${severity} ${code} ${statement ?? "-"}`,
  );

describe("scripts of PostgreSQL", () => {
  before(loadParser);

  it("are split where the server splits them, also behind characters of several bytes", () => {
    const sql = "SELECT 'é😀;'; -- ü\n\nDO $x$ BEGIN PERFORM 1; END $x$;\n/* /* */ */ SELECT 2";
    deepEqual(
      parseSql(sql).map(({ sql: text, line }) => [line, text]),
      [
        [1, "SELECT 'é😀;'"],
        [3, "DO $x$ BEGIN PERFORM 1; END $x$"],
        [4, "SELECT 2"],
      ],
    );
    deepEqual(parseSql(" \n"), []);
    deepEqual(parseSql("-- only\n/* comments */"), []);
    deepEqual(codes("-- nothing"), ["info empty-script -"]);
  });

  it("are refused if they would leave the step's transaction", () => {
    for (const word of [
      "COMMIT",
      "END",
      "ROLLBACK",
      "ABORT",
      "SAVEPOINT a",
      "RELEASE a",
      "ROLLBACK TO a",
      "PREPARE TRANSACTION 'x'",
      "COMMIT PREPARED 'x'",
      "BEGIN",
      "START TRANSACTION",
      "COMMIT AND CHAIN",
    ])
      deepEqual(codes(`SELECT 1; ${word}`), ["error transaction-control 2"], word);
  });

  it("lose a frame of BEGIN and COMMIT", () => {
    const { statements, rewritings, findings } = prepareScript(
      "BEGIN; CREATE TABLE t (); COMMIT;",
      "required",
    );
    deepEqual(
      statements.map(({ number, sql }) => [number, sql]),
      [[2, "CREATE TABLE t ()"]],
    );
    equal(rewritings.length, 1);
    deepEqual(findings, []);
  });

  it("are refused in a transaction that PostgreSQL would refuse", () => {
    for (const sql of [
      "CREATE INDEX CONCURRENTLY i ON t (a)",
      "DROP INDEX CONCURRENTLY i",
      "REINDEX TABLE CONCURRENTLY t",
      "REINDEX (CONCURRENTLY) INDEX i",
      "REINDEX SCHEMA s",
      "VACUUM t",
      "CLUSTER",
      "CREATE DATABASE d",
      "ALTER SYSTEM SET work_mem = '1MB'",
      "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
      "DISCARD ALL",
      "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
    ]) {
      deepEqual(codes(sql), ["error needs-no-transaction 1"], sql);
      ok(!codes(sql, "none").some((code) => code.startsWith("error")), sql);
    }
    for (const sql of [
      "REINDEX TABLE t",
      "CLUSTER t USING i",
      "REFRESH MATERIALIZED VIEW m",
      "ANALYZE t",
    ])
      deepEqual(codes(sql), [], sql);
  });

  it("are refused if they reach out, turn guards off or name the own tables", () => {
    deepEqual(codes("COPY t FROM '/etc/passwd'"), ["error outside-world 1"]);
    deepEqual(codes("COPY t TO PROGRAM 'sh'"), ["error outside-world 1"]);
    deepEqual(codes("LOAD 'x'"), ["error outside-world 1"]);
    for (const sql of [
      "SET session_replication_role = replica",
      "SET LOCAL track_counts = off",
      "SELECT set_config('track_counts', 'off', true)",
      "DO $$ BEGIN SET track_counts = off; END $$",
    ])
      ok(codes(sql).includes("error guards-off 1"), sql);
    deepEqual(codes("DELETE FROM schemaledger.schemaledger_marker"), ["error own-tables 1"]);
    deepEqual(codes("DROP SCHEMA schemaledger CASCADE"), ["error own-tables 1"]);
    deepEqual(codes("WITH x AS (DELETE FROM schemaledger_meta RETURNING 1) SELECT 1"), [
      "error own-tables 1",
    ]);
    deepEqual(codes("SELECT $1"), ["error bind-parameter 1"]);
  });

  it("are told from what psql alone understands, and from nonsense", () => {
    deepEqual(codes("\\connect x\nSELECT 1"), ["error psql-script -"]);
    deepEqual(codes("COPY t FROM stdin;\n1\ta\n\\.\n"), ["error psql-script -"]);
    deepEqual(codes("SELCT 1"), ["error sql-syntax -"]);
    deepEqual(codes("SELECT 1\0; DROP TABLE t"), ["error nul-in-sql -"]);
    deepEqual(codes(`SELECT ${"(".repeat(20_000)}1`), ["error sql-syntax -"]);
    deepEqual(codes(`SELECT ${"1+".repeat(200_000)}1`), ["error sql-syntax -"]);
    deepEqual(codes("SELECT 2"), []);
  });

  it("are warned of what ends with them, and of an enum's value used too early", () => {
    deepEqual(codes("SET x.y = 1; SET LOCAL x.y = 2; LISTEN a"), [
      "info setting-reset 1",
      "info setting-reset 3",
    ]);
    const used = "ALTER TYPE e ADD VALUE 'c'; UPDATE t SET x = 'c'";
    deepEqual(codes(used), ["warning enum-value-used 2"]);
    deepEqual(codes("ALTER TYPE e ADD VALUE 'c'; UPDATE t SET x = 'd'"), []);
  });

  it("say what they destroy", () => {
    const destroys = (sql: string): readonly string[] => prepareScript(sql, "required").destroys;
    deepEqual(destroys("DROP TABLE a.b, c"), ["a.b", "c"]);
    deepEqual(destroys("TRUNCATE x, y.z"), ["x", "y.z"]);
    deepEqual(destroys("WITH d AS (DELETE FROM q RETURNING 1) SELECT 1"), ["q"]);
    deepEqual(destroys("ALTER TABLE t DROP COLUMN c"), ["t"]);
    deepEqual(
      destroys("ALTER TABLE t ADD COLUMN c int; DROP VIEW v; INSERT INTO i VALUES (1)"),
      [],
    );
  });

  it("are classified statement by statement, and say what they make", () => {
    const dialect = new PostgresDialect();
    equal(dialect.classOf("CREATE UNIQUE INDEX i ON t (a)"), "create-index");
    equal(dialect.classOf("DROP MATERIALIZED VIEW v"), "drop-view");
    equal(dialect.classOf("DO $$ BEGIN END $$"), "other");
    deepEqual(dialect.creates("CREATE TABLE s.t (a int); CREATE INDEX i ON s.t (a); SELECT 1"), [
      { type: "table", name: "s.t" },
      { type: "index", name: "s.i" },
    ]);
    const verify = {
      sql: "UPDATE t SET a = 1",
      transaction: "required",
      allow: {},
      verifies: true,
    } as const;
    equal(dialect.analyze(verify).findings[0]?.code, "verify-not-a-query");
  });

  it("leave no values in messages", () => {
    equal(
      redactMessage('invalid input syntax for type integer: "secret"', true),
      'invalid input syntax for type integer: "?"',
    );
    equal(redactMessage(`value 'it''s' of "name" is 12.5`, false), 'value ? of "name" is ?');
  });
});
