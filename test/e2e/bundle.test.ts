import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import Database from "better-sqlite3";
import { digestOfModules } from "../../src/infra/system/fold-code.ts";
import { filesIn, ROOT, textOf } from "../support/repository.ts";

const run = promisify(execFile);
const BUNDLE = join(ROOT, "dist/bundle");
const MAIN = join(ROOT, "dist/src/cli/main.js");

describe("the bundle", function () {
  this.timeout(60_000);
  let directory: string;

  before(function () {
    // `tsc -b` alone makes none; `npm run build` and with it `npm test` do.
    if (!existsSync(BUNDLE)) this.skip();
    directory = mkdtempSync(join(tmpdir(), "schemaledger-bundle-"));
  });
  after(() => {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });

  const cli = (...args: string[]): Promise<{ stdout: string }> =>
    run(process.execPath, [MAIN, ...args], { cwd: directory, encoding: "buffer" }).then(
      ({ stdout }) => ({ stdout: stdout.toString("latin1") }),
    );

  it("has every program and thread that a module starts by its path", () => {
    const started = filesIn("src", ".ts").flatMap((path) =>
      [...textOf(path).matchAll(/new URL\(\s*"\.\/([\w-]+\.js)", import\.meta\.url/g)].map(
        ([, file]) => file!,
      ),
    );
    assert.ok(started.length >= 5, String(started));
    assert.deepEqual(
      started.filter((file) => !existsSync(join(BUNDLE, file))),
      [],
    );
  });

  it("knows the digest of the code that folds, which the modules have", () => {
    const text = readFileSync(join(BUNDLE, "fold-code.txt"), "utf8");
    assert.equal(text, digestOfModules());
  });

  it("backs up a file that is large enough for the packer's processes, and lays out a PDF", async () => {
    const file = join(directory, "large.db");
    const db = new Database(file);
    db.pragma("journal_mode = WAL");
    db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, filling BLOB);
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
      INSERT INTO t SELECT i, randomblob(4000) FROM n`);
    db.close();
    await run("mkdir", [join(directory, "m")]);
    await run("sh", ["-c", 'echo "CREATE TABLE u (id INTEGER);" > m/V1__u.sql'], {
      cwd: directory,
    });
    await cli("migrate", file, "m");
    const status = JSON.parse((await cli("status", "--json")).stdout);
    assert.equal(status.databases[0].lastBackup.status, "verified");
    assert.ok(status.databases[0].lastBackup.bytes > 16 << 20);
    await cli("report", "--format", "pdf", "--out", "report.pdf");
    assert.match(readFileSync(join(directory, "report.pdf"), "latin1"), /^%PDF-/);
  });
});
