import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import type { RestoreRequest } from "../../../src/domain/engine/database-engine.ts";
import { TestBackups } from "../../support/backups.ts";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { foundByOthers } from "../../support/other-process.ts";

const DDL = `CREATE TABLE t (id INTEGER PRIMARY KEY, filler BLOB);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
    INSERT INTO t SELECT i, randomblob(3500) FROM n;`;

/*
 * A process that closes any descriptor of a file loses its locks on it (reference: SQLite, "How to
 * corrupt"). Others must find the database locked for as long as a restore writes.
 */
for (const mode of MODES)
  describe(`the locks of a restore, seen by another process (${mode})`, () => {
    let workspace: Workspace;
    let database: ManagedDatabase;
    let request: RestoreRequest;
    let found: Record<string, string>;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, DDL).install();
      const scratchPath = workspace.path("scratch.db");
      const backup = await new TestBackups(workspace.directory).take(database.engine);
      await database.engine.verify(backup, scratchPath);
      const incarnation = randomUUID();
      request = { scratchPath, token: 900, incarnation, lockTimeoutMs: 5_000 };
      found = {};
    });
    afterEach(() => workspace.remove());

    const probing = (point: string) => {
      const faults = (at: string): void => {
        if (at === point) found[at] = foundByOthers(database.path);
      };
      return database.newEngine({ faults });
    };

    it("sees a lock that was dropped, if there is one", () => {
      const holder = workspace.keep(new Database(database.path));
      holder.exec("BEGIN IMMEDIATE");
      assert.equal(foundByOthers(database.path), "SQLITE_BUSY");
      if (mode === "wal") return;
      closeSync(openSync(database.path, "r"));
      assert.equal(foundByOthers(database.path), "free");
    });

    it("is locked in the middle of a whole restore, and free after it", async () => {
      const { progress } = database;
      progress.push = (...all) => {
        for (const { fraction = 0 } of all)
          if (fraction > 0 && fraction < 1)
            found[`at ${fraction.toFixed(2)}`] = foundByOthers(database.path);
        return 0;
      };
      await database.engine.restore(request);
      const seen = Object.values(found);
      assert.ok(seen.length > 0);
      assert.deepEqual(new Set(seen), new Set(["SQLITE_BUSY"]), JSON.stringify(found));
      assert.equal(foundByOthers(database.path), "free");
    });

    it("is locked before the rename of an offline restore, and free after it", async () => {
      database.engine.close();
      await probing("offline-before-rename").restore({ ...request, method: "offline" });
      assert.deepEqual(found, { "offline-before-rename": "SQLITE_BUSY" });
      assert.equal(foundByOthers(database.path), "free");
    });

    it("is locked until single tables are committed, and free after it", async () => {
      database.foreign((db) => void db.exec("DELETE FROM t WHERE id > 10"));
      const tables = { ...request, tables: ["t"], onConflict: "overwrite" as const };
      await probing("tables-before-commit").restoreTables(tables);
      assert.deepEqual(found, { "tables-before-commit": "SQLITE_BUSY" });
      assert.equal(foundByOthers(database.path), "free");
    });
  });
