import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { readCatalog } from "../../../src/infra/sqlite/catalog.ts";
import { fingerprintOf, liveSchema } from "../../../src/infra/sqlite/fingerprint.ts";

function fingerprint(sql: string): string {
  const db = new Database(":memory:");
  try {
    db.exec(sql);
    return fingerprintOf(readCatalog(db));
  } finally {
    db.close();
  }
}

const BASE = `CREATE TABLE p (id INTEGER PRIMARY KEY);
  CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x', c INT REFERENCES p);
  CREATE INDEX i ON t (b);`;

const EQUAL: { readonly [name: string]: string } = {
  "formatting, comments and case": `create table P(ID integer primary key); CREATE TABLE T (
     a INTEGER PRIMARY KEY, -- the key
     b text /* a text */ DEFAULT 'x', c int REFERENCES p); CREATE INDEX I ON T(b);`,
  "a rebuild, which quotes the name": `CREATE TABLE p (id INTEGER PRIMARY KEY);
     CREATE TABLE t2 (a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x', c INT REFERENCES p);
     ALTER TABLE t2 RENAME TO t; CREATE INDEX i ON t (b);`,
  "a column added later": `CREATE TABLE p (id INTEGER PRIMARY KEY);
     CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x');
     ALTER TABLE t ADD COLUMN c INT REFERENCES p; CREATE INDEX i ON t (b);`,
  "a column added and dropped": `${BASE} ALTER TABLE t ADD COLUMN d; ALTER TABLE t DROP COLUMN d;`,
  "another order of creation": `CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x',
     c INT REFERENCES p); CREATE INDEX i ON t (b); CREATE TABLE p (id INTEGER PRIMARY KEY);`,
  "rows, statistics and temporary objects": `${BASE} INSERT INTO t VALUES (1, 'r', NULL); ANALYZE;
     CREATE TEMP TABLE x (y);`,
  "the product's own tables": `${BASE} CREATE TABLE schemaledger_meta (one);
     CREATE TABLE schemaledger_marker (attempt);`,
  "settings of the file": `${BASE} PRAGMA user_version = 9; PRAGMA application_id = 7;`,
};

const table = (columns: string, more = ""): string =>
  `CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (${columns})${more};
   CREATE INDEX i ON t (b);`;

const DIFFERENT: { readonly [name: string]: string } = {
  "a CHECK": table("a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x' CHECK (b <> ''), c INT REFERENCES p"),
  "a collation": table(
    "a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x' COLLATE NOCASE, c INT REFERENCES p",
  ),
  AUTOINCREMENT: table(
    "a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT DEFAULT 'x', c INT REFERENCES p",
  ),
  "a deferrable key": table(
    "a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x', c INT REFERENCES p DEFERRABLE INITIALLY DEFERRED",
  ),
  "a conflict clause": table(
    "a INTEGER PRIMARY KEY ON CONFLICT REPLACE, b TEXT DEFAULT 'x', c INT REFERENCES p",
  ),
  "the order of columns": table("b TEXT DEFAULT 'x', a INTEGER PRIMARY KEY, c INT REFERENCES p"),
  "the case of a default": table("a INTEGER PRIMARY KEY, b TEXT DEFAULT 'X', c INT REFERENCES p"),
  "NOT NULL": table("a INTEGER PRIMARY KEY, b TEXT NOT NULL DEFAULT 'x', c INT REFERENCES p"),
  STRICT: table("a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x', c INT REFERENCES p", " STRICT"),
  "a partial index": `CREATE TABLE p (id INTEGER PRIMARY KEY);
    CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT DEFAULT 'x', c INT REFERENCES p);
    CREATE INDEX i ON t (b) WHERE b > 'x';`,
  "a trigger": `${BASE} CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END;`,
  "a table whose name only begins like an internal one": `${BASE} CREATE TABLE sqlitebrowser (x);`,
};

describe("fingerprint", () => {
  const base = fingerprint(BASE);

  it("is a SHA-256 with its name", () => assert.match(base, /^sha256:[0-9a-f]{64}$/));

  for (const [name, sql] of Object.entries(EQUAL))
    it(`does not depend on ${name}`, () => assert.equal(fingerprint(sql), base));

  for (const [name, sql] of Object.entries(DIFFERENT))
    it(`depends on ${name}`, () => assert.notEqual(fingerprint(sql), base));

  it("tells names apart that SQLite tells apart", () => {
    assert.notEqual(fingerprint('CREATE TABLE "Ä" (x)'), fingerprint('CREATE TABLE "ä" (x)'));
    assert.equal(fingerprint('CREATE TABLE "AB" (x)'), fingerprint("CREATE TABLE ab (x)"));
  });

  it("takes a double-quoted default for the text that it is", () => {
    assert.notEqual(
      fingerprint('CREATE TABLE t (a DEFAULT "Up")'),
      fingerprint('CREATE TABLE t (a DEFAULT "up")'),
    );
  });

  it("sees generated columns and leaves a module's own tables out", () => {
    const db = new Database(":memory:");
    db.exec(`CREATE TABLE g (a, b AS (a + 1), c AS (a + 2) STORED);
             CREATE VIRTUAL TABLE f USING fts5(text); CREATE VIEW v AS SELECT * FROM gone;`);
    const { schema } = liveSchema(db);
    assert.deepEqual(
      schema.map(({ name }) => name),
      ["f", "g", "v"],
    );
    assert.deepEqual(
      schema[1]?.columns?.map(({ name, generated }) => [name, generated]),
      [
        ["a", undefined],
        ["b", "virtual"],
        ["c", "stored"],
      ],
    );
    db.close();
  });
});
