import assert from "node:assert/strict";
import sqlite3InitModule from "@sqlite.org/sqlite-wasm";
import Database from "better-sqlite3";
import fc from "fast-check";
import { InvalidInput } from "../../../../../src/domain/shared/errors.ts";
import { isComplete, splitSqlite } from "../../../../../src/infra/sqlite/sql/split.ts";
import {
  Dice,
  RANDOM_SQL_SCHEMA,
  randomText,
  validStatement,
} from "../../../../support/random-sql.ts";

const texts = (sql: string): string[] => splitSqlite(sql).map((piece) => piece.sql.trim());

describe("splitSqlite", () => {
  it("keeps triggers with CASE … END whole", () => {
    const trigger =
      "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; DELETE FROM t; END;";
    assert.deepEqual(texts(`${trigger}SELECT 1;`), [trigger, "SELECT 1;"]);
  });

  for (const [name, sql, expected] of [
    ["quotes of every kind", `SELECT ';', ";", \`;\`, [;]; SELECT 2`, 2],
    ["comments", "SELECT 1 -- ;\n; /* ; */ SELECT 2; -- end ;", 2],
    ["empty statements", ";;; ; SELECT 1;; ;", 1],
    ["a byte order mark", "\ufeffCREATE TRIGGER a BEGIN SELECT 1; END; SELECT 2;", 2],
    ["CRLF", "SELECT 1;\r\nSELECT 2;\r\n", 2],
    ["nothing", "", 0],
    ["an open quote", "SELECT 1; SELECT 'a; b;", 2],
    ["an open comment", "SELECT 1; /* SELECT 2;", 1],
  ] as const)
    it(`reads ${name}`, () => {
      assert.equal(splitSqlite(sql).length, expected);
    });

  it("says whether the last statement ends with a semicolon", () => {
    assert.deepEqual(
      splitSqlite("SELECT 1; SELECT 2").map((piece) => piece.terminated),
      [true, false],
    );
  });

  it("refuses a NUL character", () => {
    assert.throws(
      () => splitSqlite("SELECT 1;\0DROP TABLE a"),
      (error) => error instanceof InvalidInput && error.code === "nul-in-sql",
    );
  });

  it("covers the whole text with pieces and empty rest", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), fc.integer({ min: 0, max: 60 }), (seed, length) => {
        const sql = randomText(new Dice(seed), length);
        let at = 0;
        for (const piece of splitSqlite(sql)) {
          assert.equal(splitSqlite(sql.slice(at, piece.start)).length, 0);
          assert.equal(sql.slice(piece.start, piece.end), piece.sql);
          at = piece.end;
        }
        assert.equal(splitSqlite(sql.slice(at)).length, 0);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("cuts scripts of known statements where they were joined, each one statement to SQLite", () => {
    const db = new Database(":memory:");
    db.exec(RANDOM_SQL_SCHEMA);
    const dice = new Dice(20_261);
    let checked = 0;
    for (let script = 0; script < 1_000; script++) {
      const statements = Array.from(
        { length: 1 + dice.roll(20) },
        () => `${validStatement(dice)};`,
      );
      const sql =
        dice.pick(["", "\ufeff", "\n"]) + statements.join(dice.pick(["", "\n", "\r\n", ";"]));
      assert.deepEqual(
        texts(sql).map((text) => text.replace(/^[\ufeff;]+/, "")),
        statements,
      );
      for (const piece of splitSqlite(sql)) {
        db.prepare(piece.sql);
        checked++;
      }
    }
    db.close();
    assert.ok(checked >= 10_000, `${checked} statements`);
  });

  it("agrees with sqlite3_complete() at every semicolon of any text", async () => {
    const { capi } = await sqlite3InitModule();
    const complete = (sql: string): boolean => capi.sqlite3_complete(sql) === 1;
    const dice = new Dice(4_711);
    let checked = 0;
    for (let text = 0; text < 6_000; text++)
      for (const { sql, terminated } of splitSqlite(randomText(dice, 1 + dice.roll(50)))) {
        assert.equal(complete(sql), terminated, sql);
        const inner = terminated ? sql.length - 1 : sql.length;
        for (let at = sql.indexOf(";"); at >= 0 && at < inner; at = sql.indexOf(";", at + 1))
          assert.equal(complete(sql.slice(0, at + 1)), false, sql);
        checked++;
      }
    assert.ok(checked >= 10_000, `${checked} statements`);
  });

  for (const part of ["'", '"', "[", "/*", "*/", "--", "(", ";", "a;", "CREATE TRIGGER ", "é"])
    it(`reads very many times ${part}`, () => {
      const many = splitSqlite(part.repeat(300_000));
      assert.equal(many.length, part === "a;" ? 300_000 : "--;".includes(part) ? 0 : 1);
    });
});

describe("isComplete", () => {
  for (const sql of [
    "SELECT 1",
    "SELECT 1;",
    "SELECT 1 -- '",
    "CREATE TRIGGER a BEGIN SELECT 1; END",
  ])
    it(`accepts ${sql}`, () => {
      assert.equal(isComplete(sql), true);
    });
  for (const sql of ["SELECT '", "SELECT [a", "SELECT 1 /*", "CREATE TRIGGER a BEGIN SELECT 1;"])
    it(`finds ${sql} open`, () => {
      assert.equal(isComplete(sql), false);
    });
});
