import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type {
  TableRestoreRequest,
  TablesRestored,
} from "../../../src/domain/engine/database-engine.ts";
import { TestBackups } from "../../support/backups.ts";
import { EngineChild } from "../../support/engine-child.ts";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";

const DDL = `
  CREATE TABLE customer (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
  CREATE TABLE "order" (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customer, total);
  CREATE TABLE tag (scope TEXT COLLATE NOCASE, word TEXT, note, PRIMARY KEY (scope, word));
  CREATE TABLE log (line TEXT);
  CREATE VIRTUAL TABLE words USING fts5(line);
  CREATE INDEX order_total ON "order" (total);
  INSERT INTO customer (name) VALUES ('ann'), ('bob'), ('cyd');
  INSERT INTO "order" VALUES (1, 1, 10), (2, 2, 20), (3, NULL, 30);
  INSERT INTO tag VALUES ('a', 'x', 1), (NULL, 'y', 2);
  INSERT INTO log VALUES ('one'), ('one'), ('two');`;

for (const mode of MODES)
  describe(`restoring single tables (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;
    let backups: TestBackups;
    let request: TableRestoreRequest;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, DDL).install();
      backups = new TestBackups(workspace.directory);
      const scratchPath = workspace.path("scratch.db");
      await database.engine.verify(await backups.take(database.engine), scratchPath);
      request = {
        scratchPath,
        tables: ["customer"],
        onConflict: "refuse",
        token: 900,
        incarnation: randomUUID(),
        lockTimeoutMs: 300,
      };
    });
    afterEach(() => workspace.remove());

    const change = (sql: string): void => database.foreign((db) => void db.exec(sql));
    const rows = (sql: string): unknown[] => database.foreign((db) => db.prepare(sql).raw().all());
    const customers = (): unknown[] => rows("SELECT id, name FROM customer ORDER BY id");
    const ALL = [
      [1, "ann"],
      [2, "bob"],
      [3, "cyd"],
    ];

    async function restore(more: Partial<TableRestoreRequest> = {}) {
      const result = await database.engine.restoreTables({ ...request, ...more });
      assert.equal(result.status, "done", JSON.stringify(result.status === "refused" && result));
      return result as TablesRestored & { status: "done" };
    }

    async function refusal(more: Partial<TableRestoreRequest> = {}): Promise<string[]> {
      const before = database.content();
      const result = await database.engine.restoreTables({ ...request, ...more });
      assert.equal(result.status, "refused", JSON.stringify(result));
      assert.deepEqual(database.content(), before);
      return result.findings.filter(({ severity }) => severity === "error").map(({ code }) => code);
    }

    it("brings rows back that are missing and leaves everything else alone", async () => {
      change(
        "PRAGMA foreign_keys = OFF; DELETE FROM customer WHERE id < 3; INSERT INTO customer (name) VALUES ('dan')",
      );
      const { tables, findings, rowsBefore, rowsAfter } = await restore();
      assert.deepEqual(customers(), [...ALL, [4, "dan"]]);
      const [table] = tables;
      assert.deepEqual([table!.inserted, table!.overwritten, table!.addedSince], [2, 0, 1]);
      assert.deepEqual([rowsBefore["customer"], rowsAfter["customer"]], [2, 4]);
      assert.deepEqual(
        findings.map(({ code, table: of }) => [code, of]),
        [["references-restored", "order"]],
      );
      const meta = database.foreign((db) => db.prepare("SELECT * FROM schemaledger_meta").get());
      assert.deepEqual(
        [(meta as { fence: number }).fence, (meta as { incarnation: string }).incarnation],
        [900, request.incarnation],
      );
    });

    it("treats rows that have other values as it was told", async () => {
      change("UPDATE customer SET name = 'zoe' WHERE id = 1");
      assert.deepEqual(await refusal(), ["rows-differ"]);
      const kept = await restore({ onConflict: "keep" });
      assert.equal(kept.tables[0]!.differing, 1);
      assert.deepEqual(customers()[0], [1, "zoe"]);
      const engine = database.newEngine({}, { incarnation: request.incarnation });
      const result = await engine.restoreTables({
        ...request,
        onConflict: "overwrite",
        token: 901,
        incarnation: randomUUID(),
      });
      assert.equal(result.status === "done" && result.tables[0]!.overwritten, 1);
      assert.deepEqual(customers(), ALL);
    });

    it("replaces a table, and not if rows of others would lose their parent", async () => {
      change(`INSERT INTO customer (name) VALUES ('dan'); UPDATE customer SET name = 'x' WHERE id = 2;
              INSERT INTO "order" VALUES (4, 4, 40)`);
      assert.deepEqual(await refusal({ onConflict: "replace" }), ["foreign-key-violations"]);
      change(`DELETE FROM "order" WHERE id = 4`);
      const { tables } = await restore({ onConflict: "replace" });
      assert.deepEqual([tables[0]!.deleted, tables[0]!.overwritten], [1, 1]);
      assert.deepEqual(customers(), ALL);
      // The id of the row that went is not given out again.
      change("INSERT INTO customer (name) VALUES ('eve')");
      assert.deepEqual(customers().at(-1), [5, "eve"]);
    });

    it("does not bring children back without their parents, but with them", async () => {
      change(`DELETE FROM "order"; DELETE FROM customer`);
      assert.deepEqual(await refusal({ tables: ["order"] }), ["foreign-key-violations"]);
      await restore({ tables: ["order", "Customer"] });
      assert.deepEqual(rows('SELECT * FROM "order" ORDER BY id'), [
        [1, 1, 10],
        [2, 2, 20],
        [3, null, 30],
      ]);
      assert.deepEqual(customers(), ALL);
    });

    it("tells rows apart by keys that hold NULL, and by how a value is written", async () => {
      change(
        "UPDATE tag SET note = 1.0 WHERE word = 'x'; UPDATE tag SET scope = 'A' WHERE word = 'x'; DELETE FROM tag WHERE word = 'y'",
      );
      assert.deepEqual(await refusal({ tables: ["tag"] }), ["rows-differ"]);
      await restore({ tables: ["tag"], onConflict: "overwrite" });
      const found = rows("SELECT scope, word, note, typeof(note) FROM tag ORDER BY word");
      assert.deepEqual(found, [
        ["a", "x", 1, "integer"],
        [null, "y", 2, "integer"],
      ]);
    });

    it("replaces a table without a key only when it was told to", async () => {
      change("INSERT INTO log VALUES ('three')");
      assert.deepEqual(await refusal({ tables: ["log"] }), ["no-primary-key"]);
      const { tables } = await restore({ tables: ["log"], onConflict: "replace" });
      assert.deepEqual([tables[0]!.deleted, tables[0]!.inserted], [4, 3]);
      assert.deepEqual(rows("SELECT line FROM log ORDER BY rowid"), [["one"], ["one"], ["two"]]);
    });

    it("makes a table that is gone again, with its indexes and triggers", async () => {
      change(`DROP TABLE "order"`);
      const { tables, findings, live } = await restore({ tables: ["order"] });
      assert.deepEqual([tables[0]!.created, tables[0]!.inserted], [true, 3]);
      assert.deepEqual(
        findings.map(({ code }) => code),
        ["table-created"],
      );
      assert.ok(live.schema.some(({ name }) => name === "order_total"));
      change(`DROP TABLE "order"; CREATE VIEW "order" AS SELECT 1`);
      const engine = database.newEngine({}, { incarnation: request.incarnation });
      const again = await engine.restoreTables({ ...request, tables: ["order"], token: 901 });
      assert.equal(again.status === "refused" && again.findings[0]!.code, "name-taken");
    });

    it("wants to be told what triggers do, and lets them rest or fire", async () => {
      change(`CREATE TRIGGER note AFTER INSERT ON customer BEGIN INSERT INTO log VALUES (new.name); END;
              PRAGMA foreign_keys = OFF; DELETE FROM customer WHERE id = 2`);
      assert.deepEqual(await refusal(), ["triggers-undecided"]);
      const before = rows("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'");
      const { tables } = await restore({ triggers: "skip" });
      assert.deepEqual(tables[0]!.triggersSkipped, ["note"]);
      assert.deepEqual(rows("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"), before);
      assert.equal(database.value("SELECT count(*) FROM log"), 3);
      change("PRAGMA foreign_keys = OFF; DELETE FROM customer WHERE id = 2");
      const engine = database.newEngine({}, { incarnation: request.incarnation });
      const fired = await engine.restoreTables({ ...request, triggers: "fire", token: 901 });
      assert.equal(fired.status, "done");
      assert.equal(database.value("SELECT count(*) FROM log WHERE line = 'bob'"), 1);
    });

    it("gives new columns their defaults and refuses what it would have to guess", async () => {
      change(
        "ALTER TABLE customer ADD COLUMN level INTEGER NOT NULL DEFAULT 7; PRAGMA foreign_keys = OFF; DELETE FROM customer WHERE id = 1",
      );
      const { tables } = await restore();
      assert.deepEqual(tables[0]!.defaulted, ["level"]);
      assert.deepEqual(rows("SELECT level FROM customer WHERE id = 1"), [[7]]);
      change("ALTER TABLE tag DROP COLUMN note");
      const engine = database.newEngine({}, { incarnation: request.incarnation });
      const refused = await engine.restoreTables({ ...request, tables: ["tag"], token: 901 });
      assert.equal(refused.status === "refused" && refused.findings[0]!.code, "table-changed");
    });

    it("refuses a unique value that another row has taken", async () => {
      change(
        "PRAGMA foreign_keys = OFF; DELETE FROM customer WHERE id = 1; INSERT INTO customer (name) VALUES ('ann')",
      );
      assert.deepEqual(await refusal(), ["unique-conflict"]);
      await restore({ onConflict: "replace" });
      assert.deepEqual(customers(), ALL);
    });

    it("refuses virtual tables, unknown tables, newer holders and other incarnations", async () => {
      assert.deepEqual(await refusal({ tables: ["words"] }), ["table-not-restorable"]);
      assert.deepEqual(await refusal({ tables: ["nothing"] }), ["table-not-found"]);
      assert.deepEqual(await refusal({ tables: ["schemaledger_meta"] }), ["table-not-found"]);
      await assert.rejects(database.engine.restoreTables({ ...request, token: 0 }), {
        code: "fenced",
      });
      const engine = database.newEngine({}, { incarnation: "other" });
      await assert.rejects(engine.restoreTables(request), { code: "wrong-incarnation" });
    });

    it("is tried on a copy without touching the database", async () => {
      change("PRAGMA foreign_keys = OFF; DELETE FROM customer");
      const present = workspace.path("present.db");
      await database.engine.verify(await backups.take(database.engine), present);
      const before = database.content();
      await restore({ rehearseOn: present });
      assert.deepEqual(database.content(), before);
    });

    for (const [point, left] of [
      ["tables-before-commit", 0],
      ["tables-after-commit", 3],
    ] as const)
      it(`leaves all or nothing when it dies at ${point}`, async () => {
        change("PRAGMA foreign_keys = OFF; DELETE FROM customer");
        const child = await EngineChild.stoppedAt({
          target: database.target,
          method: "restoreTables",
          args: [request],
          stopAt: point,
        });
        await child.kill();
        assert.equal(database.value("SELECT count(*) FROM customer"), left);
        const incarnation = database.value("SELECT incarnation FROM schemaledger_meta");
        assert.equal(incarnation === request.incarnation, left > 0);
      });
  });
