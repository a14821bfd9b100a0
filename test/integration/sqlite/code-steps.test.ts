import { deepEqual, equal, match } from "node:assert/strict";
import type { StepRequest } from "../../../src/domain/engine/database-engine.ts";
import { ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { done, failure } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT, code TEXT UNIQUE);
  CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id REFERENCES parent ON DELETE SET NULL);
  CREATE TRIGGER forget AFTER DELETE ON parent WHEN old.id = 3
    BEGIN UPDATE child SET parent_id = NULL WHERE parent_id = 3; END;
  INSERT INTO parent VALUES (1, 'one', 'a'), (2, 'two', 'b'), (3, 'three', 'c');
  INSERT INTO child VALUES (1, 1), (2, 3);`;

/** What must not be possible, though code can try anything. */
const REFUSED: readonly [what: string, code: string, body: string][] = [
  ["deletes rows without saying so", "rows-lost", `db.run("DELETE FROM child WHERE id = ?", 1);`],
  [
    "loses a row through REPLACE while the count stays",
    "rows-lost",
    `db.run("REPLACE INTO parent VALUES (9, 'x', 'a')");`,
  ],
  [
    "leaves a reference without a row",
    "foreign-key-violations",
    `db.run("INSERT INTO child VALUES (7, 99)");`,
  ],
  ["commits by itself", "transaction-control", `db.exec("COMMIT");`],
  [
    "commits by itself and catches what comes of it",
    "transaction-control",
    `try { db.exec("COMMIT") } catch {} db.exec("CREATE TABLE t (x)");`,
  ],
  ["writes to the marker", "tampering", `db.exec("DELETE FROM schemaledger_marker");`],
  ["attaches another file", "attach", `db.exec("ATTACH 'other.db' AS o");`],
  ["sets a PRAGMA", "pragma-refused", `db.all("PRAGMA journal_mode = wal");`],
  ["throws", "code-failed", `throw new Error("no 'secret' here");`],
  ["rejects", "code-failed", `await null; throw new TypeError("x");`],
  ["gives no SQL", "code-failed", `db.exec(7);`],
];

describe("A step of code", () => {
  let workspace: Workspace;
  let database: ManagedDatabase;

  beforeEach(async () => {
    workspace = new Workspace();
    database = await new ManagedDatabase(workspace, "wal", DDL).install();
  });
  afterEach(() => workspace.remove());

  const code = (text: string, more: Partial<StepRequest> = {}) =>
    database.apply(text, { language: "javascript", ...more });

  it("changes the database inside the step, with its marker, and is recorded by its statements", async () => {
    const facts = done(
      await code(`
        import { createHash } from "node:crypto";
        export async function up(db, step) {
          db.exec("CREATE TABLE t (v TEXT); CREATE INDEX i ON t (v);");
          for (const { name } of db.all("SELECT name FROM parent ORDER BY id"))
            db.run("INSERT INTO t VALUES (?)", createHash("sha256").update(name).digest("hex"));
          await new Promise((resolve) => setTimeout(resolve, 5));
          if (db.get("SELECT count(*) AS n FROM t").n !== 3 || step.direction !== "up") throw new Error();
        }`),
    );
    deepEqual(facts.rows, [{ table: "t", before: null, after: 3 }]);
    equal(facts.statements, 7);
    equal(database.value("SELECT count(*) FROM t WHERE length(v) = 64"), 3);
    equal(database.value("SELECT count(*) FROM schemaledger_marker WHERE phase = 'done'"), 1);
  });

  it("runs its other function for a down step", async () => {
    const text = `
      export const up = (db) => db.exec("CREATE TABLE t (v)");
      export const down = (db) => db.exec("DROP TABLE t");`;
    const { fingerprint } = await database.engine.schema();
    done(await code(text));
    done(await code(text, { direction: "down", expectedAfter: fingerprint }));
  });

  it("is TypeScript without its types", async () => {
    const text = `
      interface Db { exec(sql: string): void }
      export function up(db: Db): void { db.exec("CREATE TABLE t (v)" as string); }`;
    equal(done(await code(text, { language: "typescript" })).statements, 1);
  });

  it("may catch that a statement fails, for that undoes the statement alone", async () => {
    const text = `export function up(db) {
      try { db.exec("CREATE TABLE parent (x)") } catch {}
      db.exec("CREATE TABLE t (v)");
    }`;
    done(await code(text));
  });

  for (const [what, expected, body] of REFUSED)
    it(`is undone if it ${what}`, async () => {
      const before = database.content();
      const { error, state } = failure(await code(`export async function up(db) { ${body} }`));
      equal(error.code, expected, error.message);
      equal(state, "unchanged");
      equal(error.message.includes("secret"), false);
      deepEqual(database.content(), before);
    });

  it("may lose what it declares", async () => {
    const text = `export function up(db) { db.run("DELETE FROM child"); }`;
    done(await code(text, { allow: { rowLoss: ["child"] } }));
    equal(database.value("SELECT count(*) FROM child"), 0);
  });

  it("is undone if a trigger sets references to NULL that it does not write", async () => {
    const text = `export function up(db) {
      db.run("DELETE FROM parent WHERE id = 3");
      db.run("INSERT INTO parent VALUES (3, 'x', 'x')");
    }`;
    equal(failure(await code(text)).error.code, "references-nulled");
    const direct = `export function up(db) { db.run("UPDATE child SET parent_id = NULL"); }`;
    done(await code(direct));
  });

  it("cannot use the database when it has ended", async () => {
    const text = `export function up(db) {
      setTimeout(() => { try { db.exec("CREATE TABLE late (x)") } catch { globalThis.refused = true } }, 1);
    }`;
    done(await code(text));
    await new Promise((resolve) => setTimeout(resolve, 20));
    equal((globalThis as { refused?: boolean }).refused, true);
    equal(database.value("SELECT count(*) FROM sqlite_schema WHERE name = 'late'"), 0);
  });

  it("sees nothing but its own text and Node", async () => {
    const text = `import { x } from "./helpers.js"; export function up() {}`;
    const { error } = failure(await code(text));
    equal(error.code, "code-failed");
    match(error.hint!, /node: modules only/);
    equal(failure(await code("export const other = 1;")).error.code, "code-failed");
    equal(failure(await code("this is no code")).error.code, "code-failed");
  });
});

describe("SQL functions of an application", () => {
  let workspace: Workspace;
  let database: ManagedDatabase;

  beforeEach(async () => {
    workspace = new Workspace();
    database = await new ManagedDatabase(workspace, "delete", DDL).install();
  });
  afterEach(() => workspace.remove());

  const FUNCTIONS = `
    export function BIN2B64(value) { return Buffer.from(value).toString("base64"); }
    export const is_long = (text) => text.length > 3;
    export const joined = Object.assign((...parts) => parts.join("-"), { varargs: true });
    export const none = () => {};`;

  it("are there for a step that brings them, by their names", async () => {
    const sql = `
      CREATE TABLE t (a, b, c, d);
      INSERT INTO t SELECT bin2b64(name), is_long(name), joined(id, 'x', 'y'), none() FROM parent WHERE id = 3;`;
    done(await database.apply(sql, { functions: FUNCTIONS }));
    deepEqual(
      database.foreign((db) => db.prepare("SELECT * FROM t").raw().get()),
      ["dGhyZWU=", 1, "3-x-y", null],
    );
    done(
      await database.apply("INSERT INTO t SELECT BIN2B64('x'), 1, 1, 1", { functions: FUNCTIONS }),
    );
  });

  it("are missed with a hint", async () => {
    const { error } = failure(await database.apply("SELECT BIN2B64('x')"));
    match(error.hint!, /code-steps\.md/);
  });

  it("fail the step when they throw, and when their module does", async () => {
    const bad = `export function f() { throw new Error("no"); }`;
    const { error } = failure(await database.apply("SELECT f()", { functions: bad }));
    deepEqual([error.code, error.message], ["statement-failed", "no"]);
    for (const functions of ["export const f = ;", `import "./x.js"; export const f = () => 1;`]) {
      const found = failure(await database.apply("SELECT f()", { functions })).error;
      equal(found.code, "sql-functions-invalid");
    }
  });
});
