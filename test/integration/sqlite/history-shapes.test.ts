import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { done, failure } from "../../support/step-results.ts";

const DDL = `
  CREATE TABLE author (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, mail TEXT);
  CREATE TABLE book (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author (id)
    ON DELETE CASCADE, title TEXT NOT NULL, words INTEGER DEFAULT 0);
  CREATE INDEX book_author ON book (author_id);
  CREATE TABLE loan (book_id INTEGER REFERENCES book (id) ON DELETE SET NULL, day TEXT,
    PRIMARY KEY (book_id, day)) WITHOUT ROWID;
  CREATE VIEW titles AS SELECT book.title, author.name FROM book JOIN author ON author_id = author.id;
  CREATE VIRTUAL TABLE book_text USING fts5(title, content = 'book', content_rowid = 'id');
  CREATE TRIGGER book_added AFTER INSERT ON book BEGIN
    INSERT INTO book_text (rowid, title) VALUES (new.id, new.title);
  END;
  CREATE TRIGGER book_gone AFTER DELETE ON book BEGIN
    INSERT INTO book_text (book_text, rowid, title) VALUES ('delete', old.id, old.title);
  END;
  INSERT INTO author VALUES (1, 'Ada', 'a@example.com'), (2, 'Ben', 'b@example.com'), (9, 'Cy', NULL);
  INSERT INTO book VALUES (1, 1, 'One', 10), (2, 1, 'Two', 20), (3, 2, 'Three', 30);
  INSERT INTO loan VALUES (1, '2024-01-01'), (2, '2024-01-02');`;

const AUTHORS = `CREATE TABLE author_new (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,
    mail TEXT UNIQUE, born TEXT);
  INSERT INTO author_new (id, name, mail) SELECT id, name, mail FROM author;
  DROP TABLE author;
  ALTER TABLE author_new RENAME TO author;`;

/** Scripts shaped as they are found in the field; each must do what a plain shell makes of it. */
const SHAPES: readonly (readonly [name: string, sql: string])[] = [
  ["a rebuild of a parent around a view", `DROP VIEW titles; ${AUTHORS}`],
  [
    "a rebuild under legacy_alter_table",
    `PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON; BEGIN TRANSACTION; ${AUTHORS}
     COMMIT; PRAGMA legacy_alter_table=OFF; PRAGMA foreign_keys=ON;`,
  ],
  [
    "a rebuild that renames the old table first",
    `PRAGMA foreign_keys = off; PRAGMA legacy_alter_table = on;
     ALTER TABLE "author" RENAME TO "_author_old";
     CREATE TABLE "author" (id INTEGER PRIMARY KEY AUTOINCREMENT, "name" TEXT NOT NULL, mail TEXT);
     INSERT INTO "author" SELECT * FROM "_author_old"; DROP TABLE "_author_old";
     PRAGMA foreign_keys = on;`,
  ],
  ["defer_foreign_keys", `PRAGMA defer_foreign_keys=ON; DROP VIEW titles; ${AUTHORS}`],
  [
    "a rebuild of a table with triggers and a full-text index",
    `DROP VIEW titles; CREATE TABLE book_2 (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL
       REFERENCES author (id), title TEXT NOT NULL, words INTEGER CHECK (words >= 0));
     INSERT INTO book_2 SELECT * FROM book; DROP TABLE book; ALTER TABLE book_2 RENAME TO book;
     CREATE INDEX book_author ON book (author_id);
     INSERT INTO book_text (book_text) VALUES ('rebuild');`,
  ],
  [
    "a full-text index made anew",
    `DROP TRIGGER book_added; DROP TRIGGER book_gone; DROP TABLE book_text;
     CREATE VIRTUAL TABLE book_text USING fts5(title, tokenize = 'trigram');
     INSERT INTO book_text (rowid, title) SELECT id, title FROM book;`,
  ],
  [
    "a rebuild WITHOUT ROWID under another name",
    `CREATE TABLE lending (book_id INTEGER, day TEXT, note TEXT, PRIMARY KEY (day, book_id)) WITHOUT ROWID;
     INSERT INTO lending (book_id, day) SELECT book_id, day FROM loan; DROP TABLE loan;`,
  ],
  [
    "generated columns",
    `ALTER TABLE book ADD COLUMN loud TEXT AS (upper(title)) VIRTUAL;
     CREATE TABLE book_stat (id INTEGER PRIMARY KEY, words INTEGER, pages INTEGER
       GENERATED ALWAYS AS (words / 5) STORED);
     INSERT INTO book_stat (id, words) SELECT id, words FROM book;
     CREATE INDEX book_loud ON book (loud);`,
  ],
  ["line ends of Windows", "ALTER TABLE book\r\n  ADD COLUMN isbn TEXT;\r\n-- done\r\n"],
  ["a byte order mark", "\ufeffALTER TABLE book ADD COLUMN isbn TEXT;"],
  ["breakpoints of other tools", "CREATE TABLE a (b);--> next\nCREATE TABLE c (d);--> end\n"],
  ["a version of the application's own", "PRAGMA user_version = 7; PRAGMA application_id=5;"],
  [
    "two transactions",
    "BEGIN; CREATE TABLE a (b); COMMIT; BEGIN; INSERT INTO a VALUES (1); COMMIT;",
  ],
  [
    "a temporary table for the rows meanwhile",
    `DROP VIEW titles; CREATE TEMPORARY TABLE keep AS SELECT * FROM author; DROP TABLE author;
     CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO author SELECT id, name FROM keep;
     DROP TABLE keep;`,
  ],
  [
    "sequences and statistics",
    "UPDATE sqlite_sequence SET seq = 500 WHERE name = 'author'; ANALYZE; REINDEX; PRAGMA optimize;",
  ],
  [
    "names that change places",
    `DROP VIEW titles; ALTER TABLE author RENAME TO meanwhile; ALTER TABLE loan RENAME TO author;
     ALTER TABLE meanwhile RENAME TO loan;`,
  ],
  [
    "renamed columns and tables",
    `ALTER TABLE book RENAME COLUMN author_id TO writer_id; ALTER TABLE author RENAME TO writer;
     ALTER TABLE writer DROP COLUMN mail;`,
  ],
  [
    "upserts and replacements that keep the number of rows",
    `INSERT OR REPLACE INTO author (id, name) SELECT id, name || '!' FROM author;
     INSERT INTO author (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'Ada';`,
  ],
  [
    "checks that print",
    "PRAGMA foreign_key_check; PRAGMA integrity_check(5); SELECT count(*) FROM book; EXPLAIN SELECT 1;",
  ],
  [
    "a view and a trigger in its stead",
    `DROP VIEW titles; CREATE VIEW titles AS SELECT title FROM book;
     CREATE TRIGGER titles_in INSTEAD OF INSERT ON titles BEGIN
       INSERT INTO book (author_id, title) VALUES (1, CASE WHEN new.title = '' THEN '?' ELSE new.title END);
     END;
     INSERT INTO titles VALUES ('Four'), ('');`,
  ],
];

describe("scripts of the shapes that are found in the field", () => {
  let workspace: Workspace;
  let database: ManagedDatabase;

  beforeEach(async () => {
    workspace = new Workspace();
    database = await new ManagedDatabase(workspace, "delete", DDL).install();
  });
  afterEach(() => workspace.remove());

  /** What a plain shell with foreign keys off makes of the script. */
  function bare(sql: string): unknown {
    const path = workspace.path("bare.db");
    copyFileSync(database.path, path);
    const db = new Database(path);
    db.pragma("foreign_keys = OFF");
    db.exec(sql);
    const content = contentOf(db);
    db.close();
    return content;
  }

  for (const [name, sql] of SHAPES)
    it(`does what it says: ${name}`, async () => {
      const expected = bare(sql);
      const facts = done(await database.apply(sql));
      assert.deepEqual(database.foreign(contentOf), expected);
      assert.deepEqual(
        facts.findings.filter(({ severity }) => severity === "error"),
        [],
      );
      // Nothing of it is left on the connection or on the schema's books.
      done(await database.apply("CREATE TABLE the_next_step (a)"));
    });

  it("breaks out of no transaction", async () => {
    const idiom = `COMMIT TRANSACTION; PRAGMA foreign_keys=OFF; BEGIN TRANSACTION;
      DROP VIEW titles; ${AUTHORS} COMMIT TRANSACTION; PRAGMA foreign_keys=ON; BEGIN TRANSACTION;`;
    const { rewritings } = done(await database.apply(idiom));
    assert.equal(rewritings.length, 4);
    assert.equal(database.value("SELECT count(*) FROM book"), 3);
  });

  it("refuses a rebuild that drops the rows which a new UNIQUE constraint does not take", async () => {
    database.foreign((db) =>
      db.exec("INSERT INTO author (name, mail) VALUES ('A', 'a@example.com')"),
    );
    const sql = `DROP VIEW titles; ${AUTHORS.replace("INSERT INTO", "INSERT OR IGNORE INTO")}`;
    const { error } = failure(await database.apply(sql));
    assert.equal(error.code, "rows-lost");
    assert.match(error.message, /^author had 4 rows and has 3/);
    done(await database.apply(sql, { allow: { rowLoss: ["author"] } }));
  });

  it("warns of a rebuild that numbers anew the rows to which others refer", async () => {
    const rebuild = (columns: string): string =>
      `DROP VIEW IF EXISTS titles;
       CREATE TABLE author_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL, mail TEXT);
       INSERT INTO author_new (${columns}) SELECT ${columns} FROM author ORDER BY name DESC;
       DROP TABLE author; ALTER TABLE author_new RENAME TO author;`;
    const codes = async (sql: string) =>
      done(await database.apply(sql)).findings.map(({ code, table }) => [code, table]);
    assert.deepEqual(await codes(rebuild("id, name, mail")), []);
    assert.deepEqual(await codes(rebuild("name, mail")), [["keys-changed", "author"]]);
    // A table that nothing refers to may number its rows as it likes.
    const loans = `CREATE TABLE l (id INTEGER PRIMARY KEY, day TEXT); INSERT INTO l (day) SELECT day
      FROM loan; DROP TABLE loan; ALTER TABLE l RENAME TO loan`;
    assert.deepEqual(await codes(loans), []);
  });
});

function contentOf(db: Database.Database): unknown {
  const own = "name LIKE 'schemaledger\\_%' ESCAPE '\\'";
  const objects = db
    .prepare(`SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE NOT ${own} ORDER BY 1, 2`)
    .all() as { type: string; name: string; sql: string | null }[];
  const rows = objects
    .filter(({ type }) => type === "table")
    .map(({ name }) => [name, db.prepare(`SELECT * FROM "${name}"`).raw().all()]);
  const pragmas = ["user_version", "application_id"].map((name) => db.pragma(name));
  return { objects, rows, pragmas };
}
