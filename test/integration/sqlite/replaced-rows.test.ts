import assert from "node:assert/strict";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { done, failure } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE k (id INTEGER PRIMARY KEY, v TEXT UNIQUE, n);
  CREATE TABLE harsh (id INTEGER PRIMARY KEY, v TEXT UNIQUE ON CONFLICT REPLACE);
  CREATE TABLE setting (name TEXT PRIMARY KEY, value);
  CREATE TABLE log (x);
  CREATE TRIGGER t AFTER INSERT ON log BEGIN REPLACE INTO k (v) VALUES (NEW.x); END;
  INSERT INTO k VALUES (1, 'a', 1), (2, 'b', 2);
  INSERT INTO harsh VALUES (1, 'a'), (2, 'b');
  INSERT INTO setting VALUES ('color', 'red');`;

for (const mode of MODES)
  describe(`rows that REPLACE deletes (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, DDL).install();
    });
    afterEach(() => workspace.remove());

    const lossy: readonly (readonly [table: string, sql: string])[] = [
      ["k", "REPLACE INTO k VALUES (3, 'b', NULL)"],
      ["k", "INSERT OR REPLACE INTO k (v) VALUES ('a'), ('b')"],
      ["harsh", "INSERT INTO harsh (v) VALUES ('b')"],
      ["k", "INSERT INTO log VALUES ('b')"],
    ];
    for (const [table, sql] of lossy)
      it(`are a loss although the count stays: ${sql}`, async () => {
        const before = database.content();
        const { error, findings, state } = failure(await database.apply(sql));
        assert.deepEqual(
          [error.code, state, findings.at(-1)?.table],
          ["rows-lost", "unchanged", table],
        );
        assert.match(error.hint ?? "", /ON CONFLICT/);
        assert.deepEqual(database.content(), before);
        done(await database.apply(sql, { allow: { rowLoss: [table.toUpperCase()] } }));
      });

    const harmless = [
      "REPLACE INTO k VALUES (1, 'z', 9), (3, 'c', 3)",
      "REPLACE INTO setting VALUES ('color', 'blue')",
      "INSERT INTO k VALUES (9, 'b', 0) ON CONFLICT (v) DO UPDATE SET n = replace('x', 'x', 'y')",
      "REPLACE INTO k VALUES (3, 'c', 3); UPDATE k SET id = id + 10",
    ];
    for (const sql of harmless)
      it(`are none under the same key: ${sql}`, async () => {
        assert.deepEqual(done(await database.apply(sql)).findings, []);
        done(await database.apply("CREATE TABLE later (a)"));
      });
  });
