import Database from "better-sqlite3";
import { join } from "node:path";
import type { Subject } from "../subject.ts";

const ROWS = 400;

/** One transaction through the driver alone, with the setting named. */
export const bareCommit = (journal: "wal" | "delete", synchronous: string): Subject<null> => ({
  prepare(root) {
    const db = new Database(join(root, "app.db"));
    db.pragma(`journal_mode = ${journal}`);
    db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, filler TEXT NOT NULL);
      WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${ROWS})
      INSERT INTO t SELECT i, 0, 'some text that fills pages ' || i FROM c`);
    db.close();
    return Promise.resolve(null);
  },
  act(root, _, promise) {
    const db = new Database(join(root, "app.db"));
    db.pragma(`synchronous = ${synchronous}`);
    db.exec("UPDATE t SET n = 1");
    promise("committed");
    db.close();
    return Promise.resolve();
  },
  inspect(root, _, promised) {
    const db = new Database(join(root, "app.db"), { fileMustExist: true });
    try {
      const soundness = String(db.pragma("integrity_check(1)", { simple: true }));
      const sum = db.prepare<[], number>("SELECT sum(n) FROM t").pluck().get();
      const wrong = soundness === "ok" ? [] : [`corrupt: ${soundness}`];
      if (sum !== 0 && sum !== ROWS) wrong.push(`torn: ${sum} rows are new`);
      if (promised.length > 0 && sum !== ROWS)
        wrong.push("the commit was acknowledged and is lost");
      return Promise.resolve(wrong);
    } finally {
      db.close();
    }
  },
  goOn: () => Promise.resolve([]),
});
