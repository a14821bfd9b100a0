import Sqlite from "better-sqlite3";

/** Steps that read and write every row of it. */
export const LARGE_STEPS = {
  rebuild: `CREATE TABLE items_new (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount >= 0), note TEXT NOT NULL
);
INSERT INTO items_new SELECT id, name, amount, note FROM items;
DROP TABLE items;
ALTER TABLE items_new RENAME TO items;
CREATE INDEX items_by_amount ON items (amount);`,
  backfill: "UPDATE items SET note = 'filled ' || name;",
} as const;

/** A database with one table; 10,000,000 rows make about 1 GiB. */
export function makeLarge(file: string, rows: number): void {
  const db = new Sqlite(file);
  db.pragma("journal_mode = WAL");
  db.exec(
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, amount INTEGER NOT NULL, note TEXT NOT NULL)",
  );
  db.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO items SELECT i, 'item number ' || i, i * 7919 % 1000003,
      'a note that is as long as notes are, number ' || i FROM n`);
  db.exec("CREATE INDEX items_by_amount ON items (amount)");
  db.close();
}
