import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import Database from "better-sqlite3";
import { openApiDocument } from "../../src/api/openapi/document.ts";
import { routesOf } from "../../src/api/routes/routes.ts";
import type { Services } from "../../src/api/services.ts";
import type { Views } from "../../src/api/views/views.ts";
import { digestOfModules } from "../../src/infra/system/fold-code.ts";
import { filesIn, MAIN, ROOT, textOf } from "../support/repository.ts";
import { startService } from "../support/service-process.ts";

const run = promisify(execFile);
const BUNDLE = join(ROOT, "dist/bundle");

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
      // The executor child is packed.
      started.filter(
        (file) => ![file, file.replace(/js$/, "cjs")].some((one) => existsSync(join(BUNDLE, one))),
      ),
      [],
    );
  });

  it("knows the digest of the code that folds, which the modules have", () => {
    const text = readFileSync(join(BUNDLE, "fold-code.txt"), "utf8");
    assert.equal(text, digestOfModules());
  });

  it("describes the API as the modules do, though it evaluates them later", async () => {
    const service = await startService(join(directory, "served"), directory);
    const headers = { authorization: `Bearer ${service.token}` };
    const document = await (await fetch(`${service.url}/openapi.json`, { headers })).json();
    assert.equal((await service.stop()).code, 0);
    const routes = routesOf({} as Services, {} as Views);
    assert.deepEqual(document, JSON.parse(JSON.stringify(openApiDocument(routes))));
  });

  it("keeps what it compiled, for the next start, beside Node's compile cache", async () => {
    const cache = join(directory, "cache");
    const env = { ...process.env, NODE_COMPILE_CACHE: cache };
    const kept = (): string[] =>
      readdirSync(cache, { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith("-cjs"))
        .toSorted();
    const help = (): Promise<unknown> => run(process.execPath, [MAIN, "status", "--help"], { env });
    await help();
    const files = kept();
    assert.ok(files.length >= 2, String(files));
    const sizes = files.map((file) => statSync(join(cache, file)).size);
    // What is left of a file is not taken for code.
    for (const part of [0, 0.6])
      for (const [n, file] of files.entries()) {
        truncateSync(join(cache, file), Math.floor(sizes[n]! * part));
        await help();
        assert.deepEqual(kept(), files);
        assert.ok(statSync(join(cache, file)).size > sizes[n]! * 0.9, file);
      }
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
