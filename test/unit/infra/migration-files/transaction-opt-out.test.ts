import { equal } from "node:assert/strict";
import { withTransaction } from "../../../../src/infra/migration-files/transaction-opt-out.ts";

const transactionOf = (up: string, optOut: string | undefined): string | undefined =>
  withTransaction({ version: "1", name: "x", up, files: [] }, optOut).transaction;

describe("a tool's word that a file runs without a transaction", () => {
  for (const sql of [
    "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)",
    "drop index concurrently if exists i",
    "SET lock_timeout = '1s';\nCREATE INDEX\n  CONCURRENTLY i ON t (a)",
    "REINDEX INDEX CONCURRENTLY i",
    "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
    "ALTER TYPE mood ADD VALUE 'x'",
    "VACUUM ANALYZE t",
  ])
    it(`is taken where PostgreSQL needs it: ${sql.replaceAll(/\s+/g, " ")}`, () => {
      equal(transactionOf(sql, "-- no-transaction"), "none");
    });

  it("is not taken where everything can be one transaction", () => {
    for (const sql of [
      "CREATE TABLE t (a int)",
      "-- was: CREATE INDEX CONCURRENTLY\nCREATE INDEX i ON t (a)",
      "REFRESH MATERIALIZED VIEW CONCURRENTLY m; SELECT 1",
    ])
      equal(transactionOf(sql, "-- no-transaction"), undefined, sql);
  });

  it("is needed: without it the migration is refused with a hint", () => {
    equal(transactionOf("CREATE INDEX CONCURRENTLY i ON t (a)", undefined), undefined);
  });
});
