import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { StatementProgress } from "../../../../src/infra/sqlite/statement-progress.ts";

describe("the progress of statements", () => {
  let told: (number | undefined)[];
  let statements: StatementProgress;
  const begins = (sql: string, rows = 10): void =>
    statements.begins(
      { sql, rows: { t: rows, u: 1 } },
      { phase: "step", version: "1", statement: told.length + 1, statements: 9 },
    );
  const INSERT = "INSERT INTO t VALUES (1)";

  beforeEach(() => {
    told = [];
    const onProgress = ({ statement }: { readonly statement?: number }): void =>
      void told.push(statement);
    statements = new StatementProgress({ onProgress });
  });

  it("has the first statement, and not each short one behind it", () => {
    for (let n = 0; n < 5; n++) begins(INSERT);
    assert.ok(told.length < 5);
    assert.equal(told[0], 1);
  });

  it("has each that can last: it makes rows of its own, is long, or there are many rows", () => {
    begins(INSERT);
    begins("INSERT INTO t SELECT * FROM t");
    begins("WITH RECURSIVE n (i) AS (VALUES (1)) DELETE FROM t");
    begins(`INSERT INTO t VALUES ${"(1),".repeat(1000)}(1)`);
    begins("UPDATE t SET x = 1", 10_000);
    assert.equal(told.length, 5);
  });

  it("goes on when a moment has passed", async () => {
    begins(INSERT);
    const before = told.length;
    await delay(30);
    begins(INSERT);
    assert.equal(told.length, before + 1);
  });
});
