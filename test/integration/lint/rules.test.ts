import assert from "node:assert/strict";
import { LINT_RULES } from "../../../src/domain/lint/rules/rules.ts";
import { linted, type LintCase, type Script } from "../../support/lint.ts";

const PARENTS = "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);";
const FAMILY = `${PARENTS}
CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents(id) ON DELETE CASCADE);
CREATE INDEX children_parent ON children (parent);`;
const REBUILD = `CREATE TABLE parents_new (id INTEGER PRIMARY KEY, name TEXT, kind TEXT);
INSERT INTO parents_new (id, name) SELECT id, name FROM parents;
DROP TABLE parents;
ALTER TABLE parents_new RENAME TO parents;`;

interface RuleCase extends LintCase {
  /** `file:line severity`, of this rule alone. */
  readonly found: readonly string[];
}

const finds = (found: string, ...scripts: Script[]): RuleCase => ({ scripts, found: [found] });
const finds2 = (found: readonly string[], ...scripts: Script[]): RuleCase => ({ scripts, found });
const passes = (...scripts: Script[]): RuleCase => ({ scripts, found: [] });

const CASES: { readonly [rule: string]: { readonly [what: string]: RuleCase } } = {
  "does-not-run": {
    "a table that is not there": finds("2.sql:2 error", PARENTS, "SELECT 1;\nDROP TABLE nobody;"),
    "a script that runs": passes(PARENTS),
    "a verify script that says no": finds("1.sql:1 error", { up: PARENTS, verify: "SELECT 0" }),
    "what only fails on rows": {
      ...finds("1.sql:1 error", "ALTER TABLE t ADD COLUMN b TEXT NOT NULL;"),
      rows: "CREATE TABLE t (a); INSERT INTO t VALUES (1);",
    },
  },
  "transaction-control": {
    "a COMMIT in the middle": finds(
      "1.sql:1 error",
      "CREATE TABLE a (b);\nCOMMIT;\nCREATE TABLE c (d);",
    ),
    "a pair around everything": finds("1.sql:2 info", "BEGIN;\nCREATE TABLE a (b);\nCOMMIT;"),
    "a trigger's own BEGIN": passes(
      `${PARENTS} CREATE TRIGGER t AFTER INSERT ON parents BEGIN SELECT 1; END;`,
    ),
    "the word in a string": passes(`${PARENTS} INSERT INTO parents (name) VALUES ('; COMMIT;');`),
  },
  "pragma-without-effect": {
    "a setting of the database": finds("1.sql:1 error", "PRAGMA journal_mode = WAL;"),
    "a question": passes("PRAGMA table_info('a');"),
  },
  "foreign-keys-pragma": {
    "foreign keys off inside the transaction": finds(
      "1.sql:1 info",
      `PRAGMA foreign_keys = OFF;\n${PARENTS}`,
    ),
    "the same in a comment": passes(`-- PRAGMA foreign_keys = OFF;\n${PARENTS}`),
  },
  "drop-table": {
    "a table of before": finds("2.sql:2 warning", PARENTS, "SELECT 1;\nDROP TABLE parents;"),
    "a table of the same step": passes("CREATE TABLE a (b); DROP TABLE a;"),
    "a rebuild": passes(PARENTS, REBUILD),
    "a new name": passes(PARENTS, "ALTER TABLE parents RENAME TO folk;"),
  },
  "drop-column": {
    "a column of before": finds(
      "2.sql:1 warning",
      PARENTS,
      "ALTER TABLE parents DROP COLUMN name;",
    ),
    "one that a rebuild leaves out": finds(
      "2.sql:3 warning",
      PARENTS,
      REBUILD.replace("name TEXT, ", "").replace("(id, name) SELECT id, name", "(id) SELECT id"),
    ),
    "a new name": passes(PARENTS, "ALTER TABLE parents RENAME COLUMN name TO title;"),
  },
  "undeclared-row-loss": {
    "a DELETE": finds("2.sql:1 warning", PARENTS, "DELETE FROM parents WHERE name = 'x';"),
    "a DELETE behind WITH": finds(
      "2.sql:1 warning",
      PARENTS,
      "WITH x AS (SELECT 1 AS i) DELETE FROM parents WHERE id IN (SELECT i FROM x);",
    ),
    "a REPLACE": finds("2.sql:1 warning", PARENTS, "REPLACE INTO parents VALUES (1, 'x');"),
    "one that is declared": passes(PARENTS, {
      up: "DELETE FROM parents;",
      allow: { rowLoss: ["Parents"] },
    }),
    "of a table that the step makes": passes("CREATE TABLE a (b); DELETE FROM a;"),
    "of a table that the step drops": passes(PARENTS, "DELETE FROM parents; DROP TABLE parents;"),
    "rows that are gone in the end": {
      ...finds2(["1.sql:1 error", "1.sql:1 warning"], "DELETE FROM t;"),
      rows: "CREATE TABLE t (a); INSERT INTO t VALUES (1);",
    },
  },
  "cascade-through-rebuild": {
    "a rebuild of a parent": finds("2.sql:3 warning", FAMILY, REBUILD),
    "children that restrict": passes(FAMILY.replace(" ON DELETE CASCADE", ""), REBUILD),
    "children that are dropped as well": passes(FAMILY, "DROP TABLE children; DROP TABLE parents;"),
  },
  "broken-references": {
    "a parent that is gone": {
      ...finds2(["1.sql:1 error"], {
        up: "DELETE FROM parents;",
        allow: { rowLoss: ["parents"] },
      }),
      rows: `${FAMILY} INSERT INTO parents VALUES (1, 'x'); INSERT INTO children VALUES (1, 1);`,
    },
    "one that was broken before": {
      ...passes("UPDATE parents SET name = 'y';"),
      rows: `${FAMILY} INSERT INTO parents VALUES (1, 'x'); INSERT INTO children VALUES (1, 9);`,
    },
  },
  "not-null-without-default": {
    "an added column": finds(
      "2.sql:1 warning",
      PARENTS,
      "ALTER TABLE parents ADD COLUMN age INTEGER NOT NULL;",
    ),
    "one with a default": passes(
      PARENTS,
      "ALTER TABLE parents ADD COLUMN age INTEGER NOT NULL DEFAULT 0;",
    ),
    "a column that becomes strict": finds(
      "2.sql:3 warning",
      PARENTS,
      REBUILD.replace("name TEXT", "name TEXT NOT NULL"),
    ),
    "a new table": passes("CREATE TABLE a (b TEXT NOT NULL);"),
  },
  "double-quoted-string": {
    "a value": finds("2.sql:1 error", PARENTS, `SELECT * FROM parents WHERE name = "x";`),
    "a default": finds("1.sql:1 error", `CREATE TABLE a (b TEXT DEFAULT "x");`),
    "a name": passes(`CREATE TABLE "a" ("b" TEXT DEFAULT 'x');`),
  },
  "unindexed-foreign-key": {
    "a key without index": finds("1.sql:2 warning", FAMILY.replace(/CREATE INDEX .*/, "")),
    "an index that begins with it": passes(FAMILY),
    "an index that has it second": finds(
      "1.sql:2 warning",
      FAMILY.replace("(parent);", "(id, parent);"),
    ),
    "a partial index": finds(
      "1.sql:2 warning",
      FAMILY.replace("(parent);", "(parent) WHERE id > 3;"),
    ),
    "the primary key": passes(
      `${PARENTS} CREATE TABLE one (id INTEGER PRIMARY KEY REFERENCES parents(id));`,
    ),
    "one that was there before, once": finds(
      "1.sql:2 warning",
      FAMILY.replace(/CREATE INDEX .*/, ""),
      "SELECT 1;",
    ),
  },
  "non-deterministic-default": {
    chance: finds("1.sql:1 info", "CREATE TABLE a (b BLOB DEFAULT (randomblob(8)));"),
    "the clock": finds("1.sql:1 info", "CREATE TABLE a (b TEXT DEFAULT CURRENT_TIMESTAMP);"),
    now: finds("1.sql:1 info", "CREATE TABLE a (b TEXT DEFAULT (strftime('%s', 'now')));"),
    "a fixed day": passes("CREATE TABLE a (b TEXT DEFAULT (date('2026-01-01')));"),
    "the word in a string": passes("CREATE TABLE a (b TEXT DEFAULT 'random()');"),
  },
  "non-deterministic-rows": {
    "rows with the clock": finds(
      "2.sql:1 info",
      PARENTS,
      "INSERT INTO parents (name) VALUES (datetime());",
    ),
    "fixed rows": passes(PARENTS, "INSERT INTO parents (name) VALUES ('now');"),
  },
  "long-lock": {
    "an update of all rows": finds("2.sql:1 info", PARENTS, "UPDATE parents SET name = 'x';"),
    "an update of some": passes(PARENTS, "UPDATE parents SET name = 'x' WHERE id = 3;"),
    "an index of a table of before": finds(
      "2.sql:1 info",
      PARENTS,
      "CREATE INDEX i ON parents (name);",
    ),
    "an index of a new table": passes(`${PARENTS} CREATE INDEX i ON parents (name);`),
    "a rebuild": finds("2.sql:3 info", PARENTS, REBUILD),
    "many rows": {
      ...finds("1.sql:1 warning", "UPDATE t SET a = 2;"),
      rows: "CREATE TABLE t (a); INSERT INTO t VALUES (1), (1), (1);",
      config: { manyRows: 3 },
    },
    "few rows": {
      ...passes("UPDATE t SET a = 2;"),
      rows: "CREATE TABLE t (a); INSERT INTO t VALUES (1);",
    },
  },
  "missing-down": {
    "no down script": finds("1.sql:1 info", PARENTS),
    "a down script": passes({ up: PARENTS, down: "DROP TABLE parents;" }),
    "a repeatable one": passes({ up: PARENTS, repeatable: true }),
  },
  "down-differs": {
    "one that forgets something": finds("1.sql:1 warning", {
      up: `${PARENTS} CREATE TABLE b (c);`,
      down: "DROP TABLE parents;",
    }),
    "one that fails": finds("1.sql:1 error", { up: PARENTS, down: "DROP TABLE nobody;" }),
    "one that undoes all": passes({ up: PARENTS, down: "DROP TABLE parents;" }),
  },
  "name-style": {
    "capitals and blanks": finds2(
      ["1.sql:1 info", "1.sql:1 info"],
      `CREATE TABLE "My Table" (id INTEGER PRIMARY KEY, camelCase TEXT);`,
    ),
    "another style": {
      ...passes("CREATE TABLE Users (Id INTEGER PRIMARY KEY);"),
      config: { namePattern: "[A-Z][A-Za-z]*" },
    },
  },
};

describe("lint", () => {
  it("has cases of every rule", () => {
    assert.deepEqual(
      LINT_RULES.map(({ id }) => id).filter((id) => CASES[id] === undefined),
      [],
    );
  });

  for (const [rule, cases] of Object.entries(CASES))
    for (const [what, { found, ...input }] of Object.entries(cases))
      it(`${rule}: ${what}`, async () => {
        const findings = await linted(input);
        const own = findings.filter((one) => one.rule === rule);
        assert.deepEqual(
          own.map(({ file, line, severity }) => `${file}:${line} ${severity}`),
          found,
        );
      });

  it("looks at nothing behind a migration that fails", async () => {
    const findings = await linted({ scripts: ["DROP TABLE nobody;", "DROP TABLE nothing;"] });
    assert.deepEqual(
      findings.filter(({ rule }) => rule === "does-not-run").map(({ version }) => version),
      ["1"],
    );
  });

  describe("passes over", () => {
    const IGNORE = "-- schemaledger:lint-ignore";

    async function ofDrops(script: string, config: object = {}): Promise<string[]> {
      const findings = await linted({
        scripts: [`${PARENTS} CREATE TABLE b (c);`, script],
        config,
      });
      return findings
        .filter(({ rule }) => rule === "drop-table" || rule.startsWith("suppression"))
        .map(({ rule, line, suppressed }) => `${rule}:${line} ${suppressed?.reason ?? "open"}`);
    }

    it("what the next statement does, for a reason", async () => {
      const script = `SELECT 1;\n${IGNORE} drop-table because nobody reads it\nDROP TABLE parents;\nDROP TABLE b;`;
      assert.deepEqual(await ofDrops(script), [
        "drop-table:3 nobody reads it",
        "drop-table:4 open",
      ]);
    });

    it("a whole file, said at its head", async () => {
      const script = `${IGNORE} drop-table, drop-column because old\nDROP TABLE parents;\nDROP TABLE b;`;
      assert.deepEqual(await ofDrops(script), ["drop-table:2 old", "drop-table:3 old"]);
    });

    it("nothing without a reason, or for a rule that is none", async () => {
      assert.deepEqual(await ofDrops(`${IGNORE} drop-table\nDROP TABLE b;`), [
        "suppression-invalid:1 open",
        "drop-table:2 open",
      ]);
      assert.deepEqual(await ofDrops(`${IGNORE} drop-tabel because x\nDROP TABLE b;`), [
        "suppression-invalid:1 open",
        "drop-table:2 open",
      ]);
    });

    it("what the configuration names, for files that cannot be edited any more", async () => {
      const ignore = [{ rule: "drop-table", version: "2", reason: "applied long ago" }];
      assert.deepEqual(await ofDrops("DROP TABLE b;", { ignore }), [
        "drop-table:1 applied long ago",
      ]);
      assert.deepEqual(await ofDrops("DROP TABLE b;", { rules: { "drop-table": "off" } }), []);
    });

    it("nothing unseen: what suppresses nothing is said", async () => {
      const script = `${IGNORE} drop-column because x\nSELECT 1;`;
      assert.deepEqual(await ofDrops(script), ["suppression-unused:1 open"]);
    });
  });
});
