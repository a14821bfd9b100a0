import assert from "node:assert/strict";
import fc from "fast-check";
import {
  firstWord,
  foldName,
  nameOf,
  schemaTokens,
  sqlTokens,
} from "../../../../../src/infra/sqlite/sql/tokens.ts";
import { endsOpen } from "../../../../../src/infra/sqlite/sql/scanner.ts";
import { Dice, randomText } from "../../../../support/random-sql.ts";

describe("sqlTokens", () => {
  for (const [sql, kinds] of [
    ['SELECT a1, "b""c" FROM [d e] `f`', "word word op quoted word quoted quoted"],
    ["'it''s' x'00' X'ff' x 'y'", "string string string word string"],
    ["1 1.5 .5 1e9 0xFF 1_000", "number number number number number number"],
    ["a.b <= -1", "word op word op op op number"],
    ["? ?12 :name @name $name", "parameter parameter parameter parameter parameter"],
    ["-- x\n/* y */ \ufeff z", "word"],
    ["ä$b", "word"],
    ["", ""],
  ] as const)
    it(`reads ${JSON.stringify(sql)}`, () => {
      assert.equal(
        sqlTokens(sql)
          .map((token) => token.kind)
          .join(" "),
        kinds,
      );
    });

  it("gives each token's text at its offset and leaves out only space and comments", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const sql = randomText(new Dice(seed), 40);
        let at = 0;
        for (const { text, start } of sqlTokens(sql)) {
          assert.equal(sql.slice(start, start + text.length), text);
          assert.match(sql.slice(at, start), /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*$/);
          at = start + text.length;
        }
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});

describe("nameOf", () => {
  for (const [sql, name] of [
    ["Plain", "Plain"],
    ['"a""b"', 'a"b'],
    ["`a``b`", "a`b"],
    ["[a]", "a"],
    ["'a''b'", "a'b"],
    ["x'00'", undefined],
    ["12", undefined],
  ] as const)
    it(`takes ${sql} for ${name ?? "no name"}`, () => {
      assert.equal(nameOf(sqlTokens(sql)[0]!), name);
    });
});

describe("firstWord", () => {
  for (const [sql, word] of [
    ["select 1", "SELECT"],
    [" ;; \ufeff-- x\n/* y */Pragma a", "PRAGMA"],
    [" \v pragma a", "PRAGMA"],
    ["EXPLAIN pragma a", "PRAGMA"],
    ["explain/**/query\nplan -- x\n pragma a", "PRAGMA"],
    ["'pragma'", ""],
    ["/* pragma", ""],
    ["", ""],
  ] as const)
    it(`finds ${word || "none"} in ${JSON.stringify(sql)}`, () => {
      assert.equal(firstWord(sql), word);
    });
});

describe("foldName", () => {
  it("folds ASCII only", () => {
    assert.equal(foldName("ÄBC"), "Äbc");
  });
});

describe("endsOpen", () => {
  for (const [sql, open] of [
    ["SELECT 1", false],
    ["SELECT 'a''", true],
    ["/* a", true],
    ["-- a", false],
    ['"a" [b', true],
  ] as const)
    it(`says ${open} for ${sql}`, () => {
      assert.equal(endsOpen(sql), open);
    });
});

describe("schemaTokens", () => {
  const same = (one: string, two: string): void =>
    assert.deepEqual(schemaTokens(one), schemaTokens(two));
  const differ = (one: string, two: string): void =>
    assert.notDeepEqual(schemaTokens(one), schemaTokens(two));

  it("ignores quoting, case, comments and space", () => {
    same('CREATE TABLE "T" ( a INT )', "create table t(A/* x */ int) -- y");
    same("CREATE TABLE [a b](`c`)", 'CREATE TABLE "a b"("c")');
  });

  it("keeps literals, order and everything else", () => {
    differ("a DEFAULT 'x'", "a DEFAULT 'X'");
    differ("CREATE TABLE Ä(a)", "CREATE TABLE ä(a)");
    differ("a, b", "b, a");
    differ("CHECK (a > 1)", "CHECK (a > 2)");
    differ("'a'", '"a"');
  });
});
