import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { durableServer } from "../support/postgres/server.ts";
import {
  endProcessesAfterEach,
  saying,
  schemaledger,
  type Running,
} from "../support/service-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** Long enough to be met in the middle, on any machine. */
const SLOW = `CREATE TABLE slow (n INTEGER);
  INSERT INTO slow WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000000)
    SELECT n FROM c WHERE n % 1000000 = 0;`;

interface Reply {
  readonly status: number;
  // Tests look into answers of every shape.
  readonly body: ReturnType<typeof JSON.parse>;
}

describe("two services on one PostgreSQL ledger", () => {
  const directory = temporaryDirectory();
  endProcessesAfterEach();
  let url: string;
  let token: string;

  before(async () => {
    await durableServer(18);
  });
  beforeEach(async () => {
    url = await (await durableServer(18)).createDatabase();
    mkdirSync(directory.file("databases"));
  });

  function serve(name: string): Running {
    const flags = ["--root", directory.file("databases"), "--port", "0"];
    const shared = ["--ledger", url, "--lease", "1"];
    return schemaledger(["serve", "--data", directory.file(name), ...flags, ...shared]);
  }

  /** The url in the log's line that says that it stands by. */
  function standing({ child }: Running): Promise<string> {
    return new Promise((resolve) => {
      let said = "";
      child.stderr!.on("data", (text: string) => {
        said += text;
        const line = said.split("\n").find((one) => one.includes("The service stands by"));
        if (line !== undefined) resolve((JSON.parse(line) as { url: string }).url);
      });
    });
  }

  async function ask(at: string, method: string, path: string, body?: unknown): Promise<Reply> {
    const response = await fetch(at + path, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: JSON.parse(await response.text()) };
  }

  const eventually = async (holds: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; tries < 400; tries += 1) {
      if (await holds()) return;
      await pause(50);
    }
    assert.fail("it never came to pass");
  };

  /** One works and is in the middle of a step; the other stands by. */
  async function scene() {
    const worker = serve("a");
    const at = await saying(worker, /^listening on (\S+)$/);
    const keys = join(directory.file("a"), "keys");
    token = readFileSync(join(keys, "admin.key"), "utf8").trim();
    cpSync(keys, join(directory.file("b"), "keys"), { recursive: true });
    const other = serve("b");
    const otherAt = await standing(other);
    const file = join(directory.file("databases"), "shop.db");
    const database = { name: "shop", engine: "sqlite", url: file, create: true };
    assert.equal((await ask(at, "POST", "/v1/databases", database)).status, 201);
    const migrations = [{ version: "1", name: "slow", up: SLOW }];
    await ask(at, "POST", "/v1/databases/shop/migrations", { migrations });
    const run = (await ask(at, "POST", "/v1/databases/shop/runs", { rehearse: false })).body["id"];
    // Seen by the one that stands by.
    await eventually(async () => {
      const { body } = await ask(otherAt, "GET", `/v1/audit/events?runId=${run}&type=StepStarted`);
      return body["items"].length === 1;
    });
    return { worker, other, at, otherAt, run, file };
  }

  /** What the one that took over says, and what is in the database. */
  async function settled(at: string, run: string, file: string): Promise<void> {
    const ended = (await ask(at, "GET", `/v1/runs/${run}?wait=20`)).body;
    assert.equal(ended["status"], "failed");
    assert.equal(ended["error"]["code"], "interrupted");
    const db = new Database(file, { readonly: true });
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE name = 'slow'").all();
    db.close();
    assert.deepEqual(tables, []);
    const { body } = await ask(at, "POST", "/v1/ledger/verifications");
    assert.deepEqual(body["findings"], []);
  }

  it("has one work and the other answer questions, until the first is killed", async () => {
    const { worker, other, at, otherAt, run, file } = await scene();
    const refused = await ask(otherAt, "POST", "/v1/databases/shop/backups", {});
    assert.deepEqual([refused.status, refused.body["code"]], [421, "stands-by"]);
    assert.equal(refused.body["worker"], at);
    assert.equal((await ask(otherAt, "GET", "/readyz")).status, 503);
    assert.equal((await ask(at, "GET", "/readyz")).status, 200);
    worker.child.kill("SIGKILL");
    await worker.ended;
    const next = await saying(other, /^listening on (\S+)$/);
    await settled(next, run, file);
    assert.equal((await ask(next, "GET", "/readyz")).status, 200);
    other.child.kill("SIGTERM");
    assert.equal((await other.ended).code, 0);
  });

  it("lets one that was stopped for too long record nothing more, and end", async () => {
    const { worker, other, run, file } = await scene();
    worker.child.kill("SIGSTOP");
    const next = await saying(other, /^listening on (\S+)$/);
    // Its executor goes on, as nobody stopped that one: recovery waits for the database's lock.
    worker.child.kill("SIGCONT");
    const ended = await worker.ended;
    assert.equal(ended.code, 4, ended.stderr);
    const outcome = (await ask(next, "GET", `/v1/runs/${run}?wait=20`)).body;
    assert.equal(outcome["status"], "failed");
    const { body } = await ask(next, "GET", `/v1/audit/events?database=shop&limit=1000`);
    const of = (types: readonly string[]): number =>
      body["items"].filter(({ type }: { type: string }) => types.includes(type)).length;
    assert.equal(of(["StepApplied", "StepAborted", "StepFailed"]), 1);
    assert.equal(of(["RunFailed", "RunCompleted"]), 1);
    const db = new Database(file, { readonly: true });
    const applied = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'slow'").all().length;
    db.close();
    assert.equal(applied, of(["StepApplied"]));
    const verified = await ask(next, "POST", "/v1/ledger/verifications");
    assert.deepEqual(verified.body["findings"], []);
    other.child.kill("SIGTERM");
    assert.equal((await other.ended).code, 0);
  });
});
