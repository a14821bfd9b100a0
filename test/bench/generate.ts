import Sqlite from "better-sqlite3";
import { randomBytes } from "node:crypto";

/** A database of about `mib` MiB, in WAL mode, with text that compresses as what applications store. */
export function generate(path: string, mib: number): void {
  const db = new Sqlite(path);
  db.pragma("journal_mode = WAL");
  db.exec("CREATE TABLE item (id INTEGER PRIMARY KEY, a TEXT, b BLOB)");
  const insert = db.prepare("INSERT INTO item (a, b) VALUES (?, ?)");
  const rows = (mib * 2 ** 20) / 420;
  for (let done = 0; done < rows;)
    db.transaction(() => {
      for (let at = 0; at < 20_000; at += 1, done += 1)
        insert.run(
          `item number ${done} has some words about it, and more of them`,
          randomBytes(150),
        );
      for (let at = 0; at < 20_000; at += 1) insert.run("the same again ".repeat(10), null);
    })();
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
}
