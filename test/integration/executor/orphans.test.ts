import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isAlive, until } from "../../support/executor.ts";

const SERVICE = fileURLToPath(new URL("../../support/service-with-children.js", import.meta.url));

describe("executor processes whose service is killed", () => {
  let directory: string;
  let service: ChildProcess;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "schemaledger-orphans-"));
  });

  afterEach(() => {
    service.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  });

  it("exit, rolling back what they hold", async () => {
    const file = join(directory, "app.db");
    const database = new Database(file, { timeout: 0 });
    database.exec("CREATE TABLE t (x)");
    service = fork(SERVICE, [file], { execArgv: [] });
    const [children] = (await once(service, "message")) as [readonly { readonly pid: number }[]];
    await until(() => existsSync(`${file}.pid`));
    const holder = Number(readFileSync(`${file}.pid`, "utf8"));
    const pids = children.map(({ pid }) => pid);
    assert.equal(pids.length, 3);
    assert(pids.includes(holder));
    assert.throws(() => database.exec("BEGIN IMMEDIATE"), /locked/);

    service.kill("SIGKILL");

    await until(() => !pids.some(isAlive));
    database.exec("BEGIN IMMEDIATE");
    assert.deepEqual(database.prepare("SELECT count(*) AS n FROM t").get(), { n: 0 });
    database.close();
  });
});
