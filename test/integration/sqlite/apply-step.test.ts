import assert from "node:assert/strict";
import { MODES, ManagedDatabase, Workspace, fileFacts } from "../../support/managed-database.ts";
import { applyOne, done } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id REFERENCES parent ON DELETE CASCADE);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    INSERT INTO parent SELECT i, 'name ' || i FROM n;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO child SELECT i, 1 + i % 100 FROM n;`;

for (const mode of MODES)
  describe(`applySteps (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, DDL).install();
    });
    afterEach(() => workspace.remove());

    it("commits the change, its marker and the raised fence together", async () => {
      const before = (await database.engine.schema()).fingerprint;
      const request = await database.request(
        "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2); ALTER TABLE parent ADD COLUMN b;",
      );
      const facts = done(await applyOne(database.engine, request));
      const live = await database.engine.schema();
      assert.equal(facts.fingerprintBefore, before);
      assert.equal(facts.fingerprintAfter, live.fingerprint);
      assert.notEqual(facts.fingerprintAfter, before);
      assert.deepEqual(facts.rows, [{ table: "t", before: null, after: 2 }]);
      assert.deepEqual(
        facts.schemaChanges.map(({ change, name }) => [change, name]),
        [
          ["changed", "parent"],
          ["added", "t"],
        ],
      );
      assert.equal(facts.statements, 3);
      assert.deepEqual(facts.findings, []);
      const marker = database.foreign((db) =>
        db.prepare("SELECT * FROM schemaledger_marker").get(),
      ) as { [column: string]: unknown };
      assert.equal(marker["attempt"], request.attempt);
      assert.equal(marker["phase"], "done");
      assert.equal(marker["schema_fp_after"], live.fingerprint);
      assert.equal(database.value("SELECT fence FROM schemaledger_meta"), request.token);
      assert.equal(fileFacts(live).journalMode, mode);
    });

    it("reports each statement that can last before it runs", async () => {
      await database.apply("CREATE TABLE a AS SELECT 1; CREATE TABLE b AS SELECT 2");
      const steps = database.progress.filter(({ phase }) => phase === "step");
      assert.deepEqual(
        steps.map(({ statement, statements }) => [statement, statements]),
        [
          [1, 2],
          [2, 2],
        ],
      );
    });

    it("marks a down step as reverted", async () => {
      done(await database.apply("CREATE TABLE t (a)", { version: "7" }));
      done(await database.apply("DROP TABLE t", { version: "7", direction: "down" }));
      assert.deepEqual(
        database.foreign((db) =>
          db.prepare("SELECT phase FROM schemaledger_marker ORDER BY intent_idx").pluck().all(),
        ),
        ["done", "reverted"],
      );
    });

    const REBUILD = `
      CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '');
      INSERT INTO parent_new SELECT id, name FROM parent;
      DROP TABLE parent;
      ALTER TABLE parent_new RENAME TO parent;`;
    const spellings: { readonly [name: string]: string } = {
      "no pragma": REBUILD,
      "foreign_keys = OFF inside": `PRAGMA foreign_keys = OFF; ${REBUILD} PRAGMA foreign_keys = ON;`,
      "defer_foreign_keys = ON": `PRAGMA defer_foreign_keys = ON; ${REBUILD}`,
      "its own transaction": `PRAGMA foreign_keys = OFF; BEGIN; ${REBUILD} COMMIT; PRAGMA foreign_keys = ON;`,
    };
    for (const [name, sql] of Object.entries(spellings))
      it(`keeps every child when a parent is rebuilt with ${name}`, async () => {
        const facts = done(await database.apply(sql));
        assert.deepEqual(facts.rows, []);
        assert.equal(database.value("SELECT count(*) FROM child"), 1000);
        assert.equal(database.value("SELECT count(*) FROM parent"), 100);
        // The next step runs with the settings that every step has.
        done(await database.apply("CREATE TABLE later (a)"));
        assert.equal(database.value("SELECT count(*) FROM child"), 1000);
      });
  });
