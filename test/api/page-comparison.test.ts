import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, statSync, utimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import Database from "better-sqlite3";
import { TestService, type Reply } from "../support/service.ts";

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly table?: string;
  readonly message: string;
}

for (const mode of ["wal", "delete"])
  describe(`the comparison of pages in a full check (${mode})`, function () {
    this.timeout(60_000);
    let service: TestService;

    before(async () => {
      service = await TestService.start();
      const db = new Database(file());
      db.pragma(`journal_mode = ${mode}`);
      db.exec(`CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT);
        CREATE INDEX note_by_text ON note (text);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
        INSERT INTO note SELECT i, printf('needle-%05d-%s', i, hex(zeroblob(40))) FROM n`);
      db.close();
      await service.post("/v1/databases", { name: "shop", engine: "sqlite", url: file() });
    });
    after(() => service.stop());

    const file = (): string => join(service.databases, "shop.db");

    async function check(): Promise<{ status: string; findings: Finding[] }> {
      const { body } = await service.post("/v1/databases/shop/integrity-checks", { level: "full" });
      for (let found = body; ;) {
        if (found["status"] !== "running") return found;
        found = (await service.get(`/v1/integrity-checks/${body["id"]}`)).body;
      }
    }

    async function backUp(): Promise<void> {
      // The times of files are not as fine as they are written.
      await delay(30);
      const { body } = await service.post("/v1/databases/shop/backups");
      for (let found: Reply["body"] = body; found["status"] !== "verified";)
        found = (await service.get(`/v1/backups/${body["id"]}`)).body;
    }

    /** Flips a bit past the file system's knowledge, as a failing disk does. */
    function rot(text: string): void {
      const { atime, mtime } = statSync(file());
      const at = readFileSync(file()).indexOf(text);
      assert.ok(at > 4096);
      const handle = openSync(file(), "r+");
      writeSync(handle, text.replace("needle", "noodle"), at);
      closeSync(handle);
      utimesSync(file(), atime, mtime);
    }

    const codes = (findings: readonly Finding[]): string[] => findings.map(({ code }) => code);

    it("is not made without a backup, nor when somebody has written since", async () => {
      assert.deepEqual(codes((await check()).findings), ["pages-not-compared"]);
      await backUp();
      assert.deepEqual((await check()).findings, []);
      const db = new Database(file());
      db.exec("INSERT INTO note VALUES (1000, 'new')");
      db.close();
      const { status, findings } = await check();
      assert.deepEqual([status, codes(findings)], ["passed", ["pages-not-compared"]]);
    });

    it("finds a changed bit that SQLite's own checks take for a value, and names the table", async () => {
      await backUp();
      // A text of the table; the index has the same text, and SQLite would notice the difference.
      const db = new Database(file());
      db.exec("DROP INDEX note_by_text; VACUUM");
      db.close();
      await backUp();
      rot("needle-00200");
      const damaged = new Database(file(), { readonly: true });
      assert.equal(damaged.pragma("integrity_check", { simple: true }), "ok");
      damaged.close();
      const { status, findings } = await check();
      const changed = findings.filter(({ code }) => code === "pages-changed");
      assert.equal(status, "failed", JSON.stringify(findings));
      assert.deepEqual(
        changed.map(({ table }) => table),
        ["note"],
      );
      assert.match(changed[0]!.message, /^A page of note changed although nobody wrote .*: \d+$/);
    });

    it("makes a recovery restore", async () => {
      const { body } = await service.post("/v1/databases/shop/recoveries", { reason: "bit rot" });
      const recovery = (await service.get(`/v1/recoveries/${body["id"]}?wait=30`)).body;
      assert.equal(recovery["procedure"], "corruption", JSON.stringify(recovery));
      const db = new Database(file(), { readonly: true });
      const text = db.prepare("SELECT text FROM note WHERE id = 200").pluck().get();
      db.close();
      assert.match(String(text), /^needle-00200/);
    });
  });
