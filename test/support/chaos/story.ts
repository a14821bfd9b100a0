import Database from "better-sqlite3";
import { hash } from "node:crypto";
import { isOwnTable } from "../../../src/infra/sqlite/meta.ts";

/** The database before every migration. */
export const FOUNDATION = `
CREATE TABLE item (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, label TEXT NOT NULL);
CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT NOT NULL);
WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 2000)
INSERT INTO item SELECT i, i * 7 % 101, 'label ' || i FROM c;
INSERT INTO log (what) SELECT label FROM item WHERE id % 4 = 0;`;

/**
 * Five migrations, each of which shows if it is applied twice or not at all: the third leaves the
 * schema as it is. Several take long enough to be hit.
 */
export const MIGRATIONS = [
  {
    version: "1",
    name: "count and add a column",
    up: "UPDATE item SET n = n + 1; ALTER TABLE item ADD COLUMN a TEXT;",
    down: "ALTER TABLE item DROP COLUMN a; UPDATE item SET n = n - 1;",
  },
  {
    version: "2",
    name: "double",
    up: "UPDATE item SET n = n * 2 + 1;",
    down: "UPDATE item SET n = (n - 1) / 2;",
  },
  {
    version: "3",
    name: "data only",
    up: `UPDATE item SET n = n + 7;
INSERT INTO log (what) SELECT 'v3 ' || a.id || '.' || b.id FROM item a, item b WHERE b.id <= 15;
UPDATE item SET label = label || '!';`,
    down: "UPDATE item SET n = n - 7;",
  },
  {
    version: "4",
    name: "forget half of the log",
    up: `ALTER TABLE item ADD COLUMN b INTEGER;
DELETE FROM log WHERE id % 2 = 0;
UPDATE item SET b = n * 2, n = n + 1;`,
    allow: { rowLoss: ["log"] },
  },
  {
    version: "5",
    name: "index and summary",
    up: `CREATE INDEX item_by_n ON item (n, label);
CREATE TABLE summary (n INTEGER PRIMARY KEY, items INTEGER NOT NULL) STRICT;
INSERT INTO summary SELECT n, count(*) FROM item GROUP BY n;`,
  },
];

/** The digest of everything that a user of the database can see, own tables left out. */
export function contentDigest(db: Database.Database): string {
  const objects = db
    .prepare<[], { type: string; name: string }>(
      "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name",
    )
    .all()
    .filter(({ name }) => !isOwnTable(name));
  const tables = objects.filter(({ type }) => type === "table");
  const parts = tables.map(({ name }) => [
    name,
    db.pragma(`table_info("${name}")`),
    db.prepare(`SELECT * FROM "${name}" ORDER BY rowid`).raw().all(),
  ]);
  return hash("sha256", JSON.stringify([objects, parts]), "hex");
}

/** Digests of the content by the applied versions, joined by commas: what SQLite itself makes. */
export function expectedContents(
  migrations: readonly { readonly version: string; readonly up: string }[] = MIGRATIONS,
): ReadonlyMap<string, string> {
  const db = new Database(":memory:");
  try {
    db.pragma("foreign_keys = OFF");
    db.exec(FOUNDATION);
    const contents = new Map([["", contentDigest(db)]]);
    const applied: string[] = [];
    for (const { version, up } of migrations) {
      db.exec(up);
      applied.push(version);
      contents.set(applied.join(","), contentDigest(db));
    }
    return contents;
  } finally {
    db.close();
  }
}
