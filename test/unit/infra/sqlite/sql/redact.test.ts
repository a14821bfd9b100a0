import assert from "node:assert/strict";
import { redactLiterals } from "../../../../../src/infra/sqlite/sql/redact.ts";

describe("redactLiterals", () => {
  for (const [text, expected] of [
    [
      "INSERT INTO t2 VALUES('it''s', 12, x'00ff', -1.5e3, NULL)",
      "INSERT INTO t2 VALUES(?, ?, ?, -?, NULL)",
    ],
    ['UPDATE "t" SET [b] = `c`', 'UPDATE "t" SET [b] = `c`'],
    ["UNIQUE constraint failed: users.email", "UNIQUE constraint failed: users.email"],
    ['near "foo": syntax error', 'near "foo": syntax error'],
    [`near "'secret'": syntax error`, `near "?": syntax error`],
    [`unrecognized token: "'secret`, `unrecognized token: "?"`],
    ['near "4711": syntax error', 'near "?": syntax error'],
    [
      'no such column: "secret" - should this be a string literal in single-quotes?',
      'no such column: "?" - should this be a string literal in single-quotes?',
    ],
    ["SELECT 1 -- secret\n, 2 /* secret */", "SELECT ? /*?*/ , ? /*?*/ "],
    ["SELECT 'secret", "SELECT ?"],
    ["", ""],
  ] as const)
    it(`turns ${JSON.stringify(text)} into ${JSON.stringify(expected)}`, () => {
      assert.equal(redactLiterals(text), expected);
    });
});
