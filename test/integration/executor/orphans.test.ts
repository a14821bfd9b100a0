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

const LEAVER = fileURLToPath(new URL("../../support/warm-and-leave.js", import.meta.url));

describe("executor processes whose service ends", () => {
  let directory: string;
  let service: ChildProcess;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "schemaledger-orphans-"));
  });

  afterEach(() => {
    service.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  });

  it("keep it alive only while it waits for them, and go with it", async () => {
    service = fork(LEAVER, { execArgv: [] });
    const exited = once(service, "exit");
    const [children] = (await once(service, "message")) as [readonly { readonly pid: number }[]];
    assert.equal(children.length, 2);
    assert.deepEqual(await exited, [0, null]);
    await until(() => !children.some(({ pid }) => isAlive(pid)));
  });

  it("exit when it is killed, rolling back what they hold", () => isRolledBack("hold"));

  it("also in the midst of work that never lets the event loop turn", () =>
    isRolledBack("hold-busily"));

  it("also in the midst of a statement that never ends", function () {
    // Only the kernel can end a process whose own code does not run.
    if (!existsSync("/usr/bin/setpriv")) this.skip();
    return isRolledBack("hold-endlessly");
  });

  async function isRolledBack(work: string): Promise<void> {
    const file = join(directory, "app.db");
    const database = new Database(file, { timeout: 0 });
    database.exec("CREATE TABLE t (x)");
    service = fork(SERVICE, [work, file], { execArgv: [] });
    const [children] = (await once(service, "message")) as [readonly { readonly pid: number }[]];
    await until(() => existsSync(`${file}.pid`) && readFileSync(`${file}.pid`).length > 0);
    const holder = Number(readFileSync(`${file}.pid`, "utf8"));
    const pids = children.map(({ pid }) => pid);
    assert.equal(pids.length, 3);
    assert(pids.includes(holder));
    assert.throws(() => database.exec("BEGIN IMMEDIATE"), /locked/);

    service.kill("SIGKILL");

    await until(() => !pids.some(isAlive));
    // The kernel may still be giving the dead process's locks back.
    database.pragma("busy_timeout = 5000");
    database.exec("BEGIN IMMEDIATE");
    assert.deepEqual(database.prepare("SELECT count(*) AS n FROM t").get(), { n: 0 });
    database.close();
  }
});
