import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { readViolations } from "../../../src/infra/sqlite/foreign-keys.ts";
import { runGuarded } from "../../../src/infra/sqlite/guarded-script.ts";
import { createOwnTables } from "../../../src/infra/sqlite/meta.ts";
import { prepareScript } from "../../../src/infra/sqlite/sql/script.ts";
import { takeBaseline } from "../../../src/infra/sqlite/step-baseline.ts";
import { knownState, readState, type KnownState } from "../../../src/infra/sqlite/step-state.ts";
import { MODES, ManagedDatabase, Workspace, stepScript } from "../../support/managed-database.ts";
import { Dice } from "../../support/random-sql.ts";
import { DDL, SCRIPTS } from "../../support/tree-scripts.ts";
import { applyOne, done, failure } from "../../support/step-results.ts";

const TARGET = { engine: "sqlite", url: "", databaseId: "d", origin: "o" } as const;

/** Everything may be lost here: what is tested is whether it is seen. */
const ALL = ["a", "a2", "b", "u", "w", "n", "log", "words", "x"];

async function runScript(db: Database.Database, known: KnownState | undefined, sql: string) {
  db.exec("BEGIN IMMEDIATE");
  try {
    const state = knownState(db, known);
    const script = prepareScript(sql, "required");
    const { after } = await runGuarded(
      {
        db,
        step: stepScript(sql, { allow: { rowLoss: ALL } }),
        script,
        before: takeBaseline(db, state, script),
        expectedAfter: null,
        onStatement: () => {},
        onStatementsDone: () => {},
      },
      { tainted: false },
    );
    compare(db, after);
    db.exec("COMMIT");
    return after;
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK");
    if (error instanceof assert.AssertionError) throw error;
    return undefined;
  }
}

/** What was carried over is what the file says. */
function compare(db: Database.Database, carried: KnownState): void {
  const { violations, schema, catalog, rows, ...others } = carried;
  const { violations: _none, ...read } = readState(db, carried.dataVersion);
  assert.deepEqual(rows, read.rows);
  assert.deepEqual(catalog, read.catalog);
  assert.deepEqual(schema, read.schema);
  assert.deepEqual({ ...others, rows, catalog, schema }, read);
  const fresh = readViolations(db, { ...read, violations: new Map() }, new Set(violations.keys()));
  for (const [table, found] of violations) assert.deepEqual(found, fresh.get(table), table);
}

describe("what a step carries over to the next", () => {
  for (const autoVacuum of ["none", "full", "incremental"])
    it(`is what reading it again says, whatever the scripts do (auto_vacuum ${autoVacuum})`, async () => {
      for (let seed = 1; seed <= 6; seed++) {
        const dice = new Dice(seed);
        const db = new Database(":memory:");
        db.pragma(`auto_vacuum = ${autoVacuum}`);
        db.pragma("foreign_keys = OFF");
        db.exec(DDL);
        createOwnTables(db, { ...TARGET, incarnation: "i" }, 1);
        let known: KnownState | undefined;
        let applied = 0;
        for (let n = 0; n < 40; n++) {
          const after = await runScript(db, known, dice.pick(SCRIPTS));
          known = after;
          applied += after === undefined ? 0 : 1;
        }
        assert.ok(applied > 10, `seed ${seed}: only ${applied} scripts ran`);
        db.close();
      }
    });

  it("does not take a tree that moved for the one that was on its page", async () => {
    const db = new Database(":memory:");
    db.exec("PRAGMA auto_vacuum = full; CREATE TABLE d (x)");
    createOwnTables(db, { ...TARGET, incarnation: "i" }, 1);
    db.exec("CREATE TABLE x (v); INSERT INTO x VALUES (1), (2)");
    const known = await runScript(db, undefined, "SELECT 1");
    const moved =
      "DROP TABLE d; ALTER TABLE x RENAME TO z; CREATE TABLE x AS SELECT 1 AS v WHERE 0";
    const after = await runScript(db, known, moved);
    assert.deepEqual(after?.rows, { x: 0, z: 2 });
    db.close();
  });

  for (const mode of MODES)
    describe(`under others (${mode})`, () => {
      let workspace: Workspace;
      let database: ManagedDatabase;

      beforeEach(async () => {
        workspace = new Workspace();
        database = await new ManagedDatabase(workspace, mode, DDL).install();
        done(await database.apply("INSERT INTO u VALUES (50, 50)"));
      });
      afterEach(() => workspace.remove());

      it("counts anew when the application wrote between two steps", async () => {
        database.foreign((db) => db.exec("INSERT INTO u VALUES (60, 60), (61, 61)"));
        const facts = done(await database.apply("INSERT INTO u VALUES (70, 70)"));
        assert.deepEqual(facts.rows, [{ table: "u", before: 5, after: 6 }]);
        database.foreign((db) => db.exec("DELETE FROM u WHERE id = 60"));
        const { error } = failure(await database.apply("DELETE FROM u WHERE id = 61"));
        assert.match(error.message, /u had 5 rows and has 4/);
      });

      it("counts anew when the application wrote to a table that the step does not name", async () => {
        database.foreign((db) => db.exec("INSERT INTO log (what) VALUES ('between')"));
        const { error } = failure(
          await database.apply("CREATE TABLE x (a); DELETE FROM log WHERE id > 0"),
        );
        assert.match(error.message, /log had 1 rows and has 0/);
      });

      it("sees a schema that another connection changed, also back and forth", async () => {
        const { fingerprint } = await database.engine.schema();
        database.foreign((db) => db.exec("CREATE TABLE foreign_one (x)"));
        const drifted = failure(
          await database.apply("INSERT INTO u VALUES (80, 80)", { expectedBefore: fingerprint }),
        );
        assert.equal(drifted.error.code, "drift");
        database.foreign((db) => db.exec("DROP TABLE foreign_one"));
        done(
          await database.apply("INSERT INTO u VALUES (80, 80)", { expectedBefore: fingerprint }),
        );
      });

      it("sees markers and a fence that another connection wrote", async () => {
        const request = await database.request("INSERT INTO u VALUES (90, 90)");
        database.foreign((db) => db.exec("UPDATE schemaledger_meta SET fence = 1000"));
        assert.equal(failure(await applyOne(database.engine, request)).error.code, "fenced");
        const later = { token: 1001, intentIndex: 1001, appliedBefore: [] };
        const next = { ...(await database.request("INSERT INTO u VALUES (91, 91)")), ...later };
        database.foreign((db) => db.exec("DELETE FROM schemaledger_marker"));
        done(await applyOne(database.engine, next));
      });

      it("sees another incarnation between two steps", async () => {
        const request = await database.request("INSERT INTO u VALUES (90, 90)");
        database.foreign((db) => db.exec("UPDATE schemaledger_meta SET incarnation = 'other'"));
        assert.equal(
          failure(await applyOne(database.engine, request)).error.code,
          "wrong-incarnation",
        );
      });

      it("keeps the versions that it has marked, through a step that failed", async () => {
        const versions = (): string[] =>
          database.foreign((db) =>
            db.prepare("SELECT step FROM schemaledger_marker ORDER BY rowid").pluck().all(),
          ) as string[];
        done(await database.apply("INSERT INTO u VALUES (2000, 0)", { appliedBefore: versions() }));
        failure(await database.apply("DELETE FROM u", { appliedBefore: versions() }));
        done(await database.apply("INSERT INTO u VALUES (2001, 9)", { appliedBefore: versions() }));
        const last = { appliedBefore: versions().slice(1) };
        const { error } = failure(await database.apply("INSERT INTO u VALUES (2002, 8)", last));
        assert.equal(error.code, "markers-differ");
      });
    });
});
