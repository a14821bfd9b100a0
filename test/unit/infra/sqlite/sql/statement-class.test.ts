import assert from "node:assert/strict";
import { statementClass } from "../../../../../src/infra/sqlite/sql/statement-class.ts";

const CLASSES: readonly (readonly [sql: string, expected: string])[] = [
  ["CREATE TABLE t (a)", "create-table"],
  ["create temp table t (a)", "create-table"],
  ["/* DROP */ CREATE -- x\n UNIQUE INDEX i ON t (a)", "create-index"],
  ["CREATE TEMPORARY VIEW v AS SELECT 1", "create-view"],
  ["CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t; END", "create-trigger"],
  ["CREATE VIRTUAL TABLE t USING fts5(a)", "create-virtual-table"],
  ["ALTER TABLE t ADD b", "alter-table"],
  [";; DROP TABLE t", "drop-table"],
  ["DROP INDEX i", "drop-index"],
  ["DROP VIEW v", "drop-view"],
  ["DROP TRIGGER x", "drop-trigger"],
  ["INSERT INTO t VALUES (1)", "insert"],
  ["INSERT OR IGNORE INTO t VALUES (1)", "insert"],
  ["INSERT OR REPLACE INTO t VALUES (1)", "replace"],
  ["UPDATE OR REPLACE t SET a = 1", "replace"],
  ["REPLACE INTO t VALUES (1)", "replace"],
  ["UPDATE t SET a = 'DELETE'", "update"],
  ["DELETE FROM t", "delete"],
  ["WITH x AS (DELETE) SELECT 1", "select"],
  ["WITH RECURSIVE a(n) AS (SELECT 1), b AS (VALUES (2)) DELETE FROM t", "delete"],
  ["WITH replace AS (SELECT 1) DELETE FROM t", "delete"],
  ["WITH x AS (SELECT 1) REPLACE INTO t SELECT * FROM x", "replace"],
  ["WITH x AS (SELECT 1) INSERT OR REPLACE INTO t SELECT * FROM x", "replace"],
  ["VALUES (1)", "select"],
  ["PRAGMA user_version = 1", "pragma"],
  ["VACUUM", "maintenance"],
  ["REINDEX t", "maintenance"],
  ["ANALYZE", "maintenance"],
  ["ATTACH 'x' AS y", "other"],
  ["CREATE SOMETHING", "other"],
  ["EXPLAIN DELETE FROM t", "other"],
  ['"DELETE" FROM t', "other"],
  ["toString", "other"],
  ["", "other"],
];

describe("the class of a statement", () => {
  for (const [sql, expected] of CLASSES)
    it(`${JSON.stringify(sql)} is ${expected}`, () => {
      assert.equal(statementClass(sql), expected);
    });
});
