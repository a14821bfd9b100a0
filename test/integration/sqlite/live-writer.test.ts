import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { TestBackups } from "../../support/backups.ts";
import {
  inconsistencies,
  LEDGER,
  LiveWriter,
  PATIENCE_MS,
  type Written,
} from "../../support/live-writer.ts";
import { MODES, ManagedDatabase, Workspace } from "../../support/managed-database.ts";

for (const mode of MODES)
  describe(`beside a writer at full speed (${mode})`, function () {
    this.timeout(120_000);
    let workspace: Workspace;
    let database: ManagedDatabase;
    let backups: TestBackups;

    beforeEach(async () => {
      workspace = new Workspace();
      database = await new ManagedDatabase(workspace, mode, LEDGER).install();
      backups = new TestBackups(workspace.directory);
    });
    afterEach(() => workspace.remove());

    const startWriter = async (): Promise<LiveWriter> =>
      workspace.keep(await LiveWriter.start(database.path));

    /** Nobody failed, and nobody waited longer than an application waits. */
    function assertUnharmed({ commits, longestMs, errors }: Written): void {
      assert.deepEqual(errors, []);
      assert.ok(longestMs < PATIENCE_MS, `${longestMs}`);
      assert.ok(commits > 1, `${commits}`);
    }

    const inconsistent = (path: string): string[] => {
      const db = new Database(path, { readonly: true });
      try {
        return inconsistencies(db);
      } finally {
        db.close();
      }
    };

    it("every backup is of one moment, and no commit of the writer is lost", async () => {
      const writer = await startWriter();
      let parent: string | null = null;
      for (let n = 0; n < 4; n++) {
        const taken = await backups.take(database.engine, parent);
        parent = taken.access.backupId;
        const scratch = workspace.path(`scratch-${n}.db`);
        await database.engine.verify(taken, scratch);
        assert.deepEqual(inconsistent(scratch), []);
      }
      const written = await writer.stop();
      assertUnharmed(written);
      // A lock that was dropped behind the engine's back would show here: commits overwrite others.
      assert.equal(database.value("SELECT n FROM counter"), written.commits);
      assert.deepEqual(inconsistent(database.path), []);
    });

    it("a restore comes through, and the writer goes on from what was restored", async () => {
      const scratchPath = workspace.path("scratch.db");
      await database.engine.verify(await backups.take(database.engine), scratchPath);
      const writer = await startWriter();
      const incarnation = randomUUID();
      const request = { scratchPath, token: 900, incarnation, lockTimeoutMs: 60_000 };
      const restored = await database.engine.restore(request);
      const written = await writer.stop();
      assertUnharmed(written);
      assert.deepEqual(inconsistent(database.path), []);
      const counter = Number(database.value("SELECT n FROM counter"));
      assert.ok(counter < written.commits, `${counter} of ${written.commits}`);
      assert.equal(database.value("SELECT incarnation FROM schemaledger_meta"), incarnation);
      const codes = new Set(restored.findings?.map(({ code }) => code));
      codes.delete("written-since");
      assert.deepEqual([...codes], []);
    });
  });
