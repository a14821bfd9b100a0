import Database from "better-sqlite3";
import assert from "node:assert/strict";
import type { StepRequest } from "../../../src/domain/engine/database-engine.ts";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { applyOne, done, failure } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id REFERENCES parent ON DELETE SET NULL);
  CREATE TABLE other (id INTEGER PRIMARY KEY, note TEXT NOT NULL UNIQUE);
  INSERT INTO parent VALUES (1, 'a'), (2, 'b'), (3, 'c');
  INSERT INTO child VALUES (1, 1), (2, 2), (3, 99);
  INSERT INTO other VALUES (1, 'x'), (2, 'y');`;

for (const mode of MODES)
  describe(`checks of a step (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, DDL).install();
    });
    afterEach(() => workspace.remove());

    /** Runs a step that must fail with `code` and leave the file exactly as it was. */
    async function refused(sql: string, code: string, more: Partial<StepRequest> = {}) {
      const before = database.content();
      const files = workspace.files();
      const result = failure(await database.apply(sql, more));
      assert.equal(result.error.code, code, JSON.stringify(result));
      assert.equal(result.state, "unchanged");
      assert.deepEqual(database.content(), before);
      assert.deepEqual(
        workspace.files().filter((name) => !files.includes(name) && !/-(wal|shm)$/.test(name)),
        [],
      );
      return result;
    }

    it("undoes a DELETE that was not declared and names the table", async () => {
      const { findings } = await refused("DELETE FROM other WHERE id = 1", "rows-lost");
      const finding = findings.find(({ severity }) => severity === "error");
      assert.equal(finding?.table, "other");
      assert.match(finding?.message ?? "", /2 rows and has 1/);
    });

    it("commits a declared loss, whatever the case of the name", async () => {
      const facts = done(
        await database.apply("DELETE FROM other", { allow: { rowLoss: ["OTHER"] } }),
      );
      assert.deepEqual(facts.rows, [{ table: "other", before: 2, after: 0 }]);
    });

    it("undoes a trigger's deletion in another table", async () => {
      done(
        await database.apply(
          "CREATE TRIGGER tr AFTER UPDATE ON other BEGIN DELETE FROM child WHERE id < 3; END",
        ),
      );
      const { error } = await refused("UPDATE other SET note = note || '!'", "rows-lost");
      assert.match(error.message, /child/);
    });

    it("undoes references that a trigger nulled", async () => {
      done(
        await database.apply(
          "CREATE TRIGGER tr AFTER UPDATE ON other BEGIN UPDATE child SET parent_id = NULL; END",
        ),
      );
      const result = await refused("UPDATE other SET note = note || '!'", "references-nulled");
      assert.match(result.error.message, /3 references in child\.parent_id/);
      done(await database.apply("UPDATE child SET parent_id = NULL WHERE id = 1"));
    });

    it("undoes new foreign key violations and leaves those that were there alone", async () => {
      const { error } = await refused("DELETE FROM parent WHERE id = 2", "rows-lost");
      assert.equal(error.statement, undefined);
      const allow = { rowLoss: ["parent"] };
      const result = await refused("DELETE FROM parent WHERE id = 2", "foreign-key-violations", {
        allow,
      });
      assert.match(result.error.message, /^1 row of child/);
      assert.match(result.error.hint ?? "", /cascades/);
      done(await database.apply("DELETE FROM parent WHERE id = 3", { allow }));
      done(await database.apply("UPDATE child SET parent_id = 2 WHERE id = 1"));
    });

    it("compares violations by their columns when a key is added", async () => {
      done(await database.apply("ALTER TABLE child ADD COLUMN other_id REFERENCES other"));
    });

    it("does not take known violations for new ones when a column or table gets another name", async () => {
      done(await database.apply("ALTER TABLE child RENAME COLUMN parent_id TO parent_key"));
      done(await database.apply("ALTER TABLE parent RENAME TO ancestor"));
      done(await database.apply("ALTER TABLE child RENAME TO descendant"));
      const allow = { rowLoss: ["ancestor"] };
      await refused("DELETE FROM ancestor WHERE id = 2", "foreign-key-violations", { allow });
    });

    it("does not take known violations for new ones when the missing parent is made", async () => {
      database.foreign((db) => {
        db.pragma("foreign_keys = OFF");
        db.exec("ALTER TABLE other ADD COLUMN team REFERENCES team; UPDATE other SET team = id");
      });
      const expectedBefore = (await database.engine.schema()).fingerprint;
      done(await database.apply("CREATE TABLE team (id INTEGER PRIMARY KEY)", { expectedBefore }));
    });

    it("says which rows break a foreign key that the step declares", async () => {
      const { error } = await refused(
        `ALTER TABLE other RENAME TO old_other;
         CREATE TABLE other (id INTEGER PRIMARY KEY REFERENCES parent, note REFERENCES child);
         INSERT INTO other SELECT id, note FROM old_other; DROP TABLE old_other`,
        "foreign-key-violations",
      );
      assert.match(error.message, /^2 rows of other .* \(note\) to child/);
      assert.match(error.hint ?? "", /declares this foreign key/);
    });

    it("names every table that lost rows in one declaration", async () => {
      const { error } = await refused(
        "DELETE FROM other; DELETE FROM child WHERE id > 1; DELETE FROM parent WHERE id = 3",
        "rows-lost",
        { allow: { rowLoss: ["parent"] } },
      );
      const hint = error.hint ?? "";
      assert.deepEqual(JSON.parse(/\[.*\]/.exec(hint)?.[0] ?? ""), ["parent", "child", "other"]);
    });

    it("finds a parent that lost what its children refer to", async () => {
      await refused(
        `CREATE TABLE p2 (id INTEGER, name TEXT); INSERT INTO p2 SELECT * FROM parent;
         DROP TABLE parent; ALTER TABLE p2 RENAME TO parent`,
        "foreign-key-mismatch",
      );
    });

    it("undoes a rebuild that copies too little", async () => {
      await refused(
        `CREATE TABLE o2 (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO o2 SELECT * FROM other
           WHERE id = 1; DROP TABLE other; ALTER TABLE o2 RENAME TO other`,
        "rows-lost",
      );
      await refused(
        `ALTER TABLE other RENAME TO o1; CREATE TABLE other (id INTEGER PRIMARY KEY, note TEXT);
         INSERT INTO other SELECT * FROM o1 WHERE id = 1; DROP TABLE o1`,
        "rows-lost",
      );
    });

    it("follows a renamed table and reports a dropped one", async () => {
      const kept = done(await database.apply("ALTER TABLE 'other' RENAME TO notes"));
      assert.deepEqual(kept.findings, []);
      const dropped = done(await database.apply("DROP TABLE notes; CREATE TABLE fresh (a)"));
      assert.deepEqual(
        dropped.findings.map(({ code, table }) => [code, table]),
        [["table-dropped", "notes"]],
      );
    });

    it("notices rows lost from a renamed table", async () => {
      const { error } = await refused(
        "ALTER TABLE other RENAME TO notes; DELETE FROM notes",
        "rows-lost",
      );
      assert.match(error.message, /other had 2 rows and has 0/);
    });

    it("needs the markers that the ledger believes, also under the same schema", async () => {
      const first = await database.request("UPDATE other SET note = note");
      assert.equal((await applyOne(database.engine, first)).status, "done");
      const before = database.content();
      for (const appliedBefore of [[], [first.version, "another"]]) {
        const result = await database.apply("UPDATE other SET note = 'x'", { appliedBefore });
        assert.equal(result.status === "failed" && result.error.code, "markers-differ");
        assert.equal(result.status === "failed" && result.state, "unchanged");
      }
      assert.deepEqual(database.content(), before);
      const appliedBefore = [first.version];
      assert.equal((await database.apply("SELECT 1", { appliedBefore })).status, "done");
    });

    it("does not take another table for a renamed one that was dropped", async () => {
      const { error } = await refused(
        `ALTER TABLE child RENAME TO old; CREATE TABLE child (id, parent_id); DROP TABLE old;
         ALTER TABLE parent RENAME TO old`,
        "rows-lost",
      );
      assert.match(error.message, /child had 3 rows and has 0/);
    });

    it("reports a table as dropped whose name another one takes, but not a rebuilt one", async () => {
      const taken = done(
        await database.apply("DROP TABLE other; ALTER TABLE child RENAME TO other"),
      );
      assert.deepEqual(
        taken.findings.map(({ code, table }) => [code, table]),
        [["table-dropped", "other"]],
      );
      const rebuilt = done(
        await database.apply(
          `CREATE TABLE fresh (id); INSERT INTO fresh SELECT id FROM other; DROP TABLE other;
           ALTER TABLE fresh RENAME TO other`,
        ),
      );
      assert.deepEqual(rebuilt.findings, []);
    });

    it("knows a left-over table from the new one that gets its name", async () => {
      done(await database.apply("CREATE TABLE fresh (id); INSERT INTO fresh VALUES (1)"));
      const { findings } = done(
        await database.apply(
          `DROP TABLE fresh; CREATE TABLE fresh (id, note); INSERT INTO fresh SELECT * FROM other;
           DROP TABLE other; ALTER TABLE fresh RENAME TO other`,
        ),
      );
      assert.deepEqual(
        findings.map(({ code, table }) => [code, table]),
        [["table-dropped", "fresh"]],
      );
    });

    it("follows a renamed virtual table", async () => {
      done(
        await database.apply("CREATE VIRTUAL TABLE f USING fts5(t); INSERT INTO f VALUES ('a')"),
      );
      await refused("ALTER TABLE f RENAME TO g; DELETE FROM g", "rows-lost");
    });

    it("needs the schema that the ledger believes", async () => {
      const { error } = await refused("CREATE TABLE t (a)", "drift", {
        expectedBefore: "sha256:other",
      });
      assert.match(error.hint ?? "", /drift/);
    });

    it("needs the schema that was rehearsed", async () => {
      await refused("CREATE TABLE t (a)", "fingerprint-differs", { expectedAfter: "sha256:x" });
      const facts = done(await database.apply("CREATE TABLE t (a)"));
      const expectedAfter = facts.fingerprintBefore;
      const down = { direction: "down", expectedAfter } as const;
      const { error } = await refused("CREATE TABLE u (a)", "fingerprint-differs", down);
      assert.match(error.hint ?? "", /down script .* restor/);
      done(await database.apply("DROP TABLE t", down));
    });

    const verdicts: readonly (readonly [string, boolean])[] = [
      ["SELECT count(*) = 2 FROM other", true],
      ["SELECT 1; SELECT 'yes'", true],
      ["SELECT id, note FROM other", true],
      ["SELECT 0", false],
      ["SELECT 0.0", false],
      ["SELECT NULL", false],
      ["SELECT ''", false],
      ["SELECT 1 WHERE 0", false],
      ["SELECT id = 1 FROM other", false],
      ["SELECT 1; SELECT count(*) = 3 FROM other", false],
      ["DELETE FROM other RETURNING 1", false],
      ["PRAGMA user_version = 4", false],
      ["COMMIT", false],
    ];
    for (const [verify, holds] of verdicts)
      it(`${holds ? "accepts" : "refuses"} the verify script ${verify}`, async () => {
        if (holds) done(await database.apply("CREATE TABLE t (a)", { verify }));
        else await refused("CREATE TABLE t (a)", "verify-failed", { verify });
        // The connection can write again.
        done(await database.apply("CREATE TABLE u (a)"));
      });

    it("gives up when a newer holder has written", async () => {
      database.foreign((db) => db.exec("UPDATE schemaledger_meta SET fence = 1000"));
      await refused("CREATE TABLE t (a)", "fenced");
    });

    it("refuses another incarnation, a clone and a database that is not registered", async () => {
      const request = await database.request("CREATE TABLE t (a)");
      const wrong = [
        [{ incarnation: "other" }, "wrong-incarnation"],
        [{ databaseId: "other" }, "clone-or-foreign"],
        [{ origin: "other" }, "clone-or-foreign"],
      ] as const;
      const before = database.content();
      for (const [target, code] of wrong) {
        const result = failure(await applyOne(database.newEngine({}, target), request));
        assert.deepEqual([result.error.code, result.state], [code, "unchanged"]);
        assert.deepEqual(database.content(), before);
      }
      database.foreign((db) =>
        db.exec("DROP TABLE schemaledger_meta; DROP TABLE schemaledger_marker"),
      );
      assert.equal(failure(await applyOne(database.engine, request)).error.code, "not-registered");
    });

    it("reports the statement, a hint, and no values", async () => {
      const cases: readonly (readonly [string, number, RegExp])[] = [
        ["CREATE TABLE t (a); INSERT INTO other VALUES (1, 'secret')", 2, /equal values/],
        ["INSERT INTO other (id) VALUES (9)", 1, /no value/],
        ["SELECT 1; SELECT app_function(1)", 2, /application registers/],
        ['INSERT INTO other VALUES (9, "text")', 1, /single quotes/],
        ["ALTER TABLE other ADD COLUMN c TEXT NOT NULL", 1, /default/],
        ["SELECT * FROM missing", 1, /Check the name/],
      ];
      for (const [sql, statement, hint] of cases) {
        const { error } = await refused(sql, "statement-failed");
        assert.equal(error.statement, statement);
        assert.match(error.hint ?? "", hint);
        assert.doesNotMatch(error.message, /secret/);
      }
    });

    it("waits for the lock until the deadline, then leaves everything alone", async () => {
      const request = await database.request("CREATE TABLE t (a)");
      const other = workspace.keep(new Database(database.path));
      other.exec("BEGIN IMMEDIATE");
      const result = await applyOne(database.engine, request);
      other.exec("ROLLBACK");
      assert.equal(failure(result).error.code, "database-locked");
      assert.equal(failure(result).state, "unchanged");
      done(await applyOne(database.engine, request));
    });

    it("repeats a commit that a reader blocks, and undoes the step after the deadline", async () => {
      const reader = workspace.keep(new Database(database.path));
      const read = () => reader.exec("BEGIN; SELECT count(*) FROM other");
      const request = await database.request("CREATE TABLE t (a)");
      read();
      const result = await applyOne(database.engine, request);
      reader.exec("ROLLBACK");
      if (mode === "wal") return void done(result);
      const { error, state } = failure(result);
      assert.deepEqual([error.code, state], ["database-locked", "unchanged"]);
      read();
      setTimeout(() => reader.exec("ROLLBACK"), 60);
      done(await applyOne(database.engine, { ...request, lockTimeoutMs: 3000 }));
    });

    it("throws away a connection on which a step left temporary objects", async () => {
      const leave = "CREATE TEMP TABLE left_over (id); CREATE TABLE kept (id)";
      done(await database.apply(leave));
      const { error } = failure(await database.apply("SELECT * FROM left_over"));
      assert.match(error.message, /no such table/);
    });

    it("is stopped by a file that was replaced under the open connection", async () => {
      const request = await database.request("CREATE TABLE t (a)");
      const { renameSync, copyFileSync } = await import("node:fs");
      const engine = database.newEngine({
        faults: (point) => {
          if (point !== "after-statements") return;
          copyFileSync(database.path, workspace.path("copy.db"));
          renameSync(workspace.path("copy.db"), database.path);
        },
      });
      const result = failure(await applyOne(engine, request));
      assert.match(result.error.code, /database-replaced|io-error/);
      assert.equal(
        database.foreign((db) => db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 't'").get()),
        undefined,
      );
    });
  });
