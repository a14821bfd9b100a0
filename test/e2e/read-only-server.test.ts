import { deepEqual, equal, match, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import Sqlite from "better-sqlite3";
import { LONG } from "../support/chaos/extent.ts";
import { inProcess } from "../support/in-process.ts";
import {
  saying,
  schemaledger,
  startService,
  type Running,
  type ServiceUnderTest,
} from "../support/service-process.ts";

const HOSTILE = new URL("../support/hostile.js", import.meta.url).href;

interface Reply {
  readonly status: number;
  readonly text: string;
  // What is found is compared, never trusted.
  readonly body: ReturnType<typeof JSON.parse>;
}

interface Reader {
  readonly url: string;
  readonly running: Running;
}

/** Whether the kernel lets us mount: else only the program's own restraint can be shown. */
const seals =
  process.platform === "linux" &&
  spawnSync("unshare", process.getuid?.() === 0 ? ["-m", "true"] : ["-Urm", "true"]).status === 0;

describe("serve --read-only", function () {
  this.timeout(60_000);
  const directory = mkdtempSync(join(tmpdir(), "schemaledger-read-only-"));
  const data = join(directory, "data");
  let writer: ServiceUnderTest;
  let reader: Reader;
  let token = "";

  const start = async (place = data, env: { [name: string]: string } = {}): Promise<Reader> => {
    const more = seals ? [] : ["--unsealed"];
    const args = ["serve", "--read-only", "--data", place, "--port", "0", ...more];
    const running = schemaledger(args, { cwd: directory, env });
    return { running, url: await saying(running, /^listening on (\S+)$/) };
  };

  async function ask(url: string, method: string, path: string, body?: object): Promise<Reply> {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        connection: "close",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, text, body: isJson && text !== "" ? JSON.parse(text) : {} };
  }

  const read = (path: string): Promise<Reply> => ask(reader.url, "GET", path);
  const write = async (path: string, body: object): Promise<Reply["body"]> => {
    const reply = await ask(writer.url, "POST", path, body);
    ok(reply.status < 300, reply.text);
    return reply.body;
  };

  /** Waits until the reader shows it; how long that is, is measured elsewhere. */
  async function until(what: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; !(await what()); tries++) {
      ok(tries < 300, "the reader does not follow");
      await delay(20);
    }
  }

  const knows = (name: string) => async (): Promise<boolean> =>
    (await read("/v1/keys")).text.includes(`"${name}"`);

  const end = async ({ running }: Reader): Promise<void> => {
    running.child.kill("SIGTERM");
    equal((await running.ended).code, 0);
  };

  before(async () => {
    writer = await startService(data, directory);
    ({ token } = writer);
    await write("/v1/databases", {
      name: "shop",
      engine: "sqlite",
      url: join(directory, "shop.db"),
      create: true,
    });
    await write("/v1/databases/shop/migrations", {
      migrations: [{ version: "1", name: "one", up: "CREATE TABLE one (x)" }],
    });
    const run = await write("/v1/databases/shop/runs", { reason: "First" });
    await ask(writer.url, "GET", `/v1/runs/${run.id}?wait=30`);
    await write("/v1/databases/shop/schedules", { task: "backup", cron: "0 3 * * *" });
    reader = await start(data, {
      NODE_OPTIONS: `--import ${HOSTILE}`,
      HOSTILE_DATA: data,
      HOSTILE_WRITER: String(writer.running.child.pid),
    });
  });
  after(async () => {
    for (const { running } of [reader, writer]) running.child.kill("SIGKILL");
    await Promise.all([reader.running.ended, writer.running.ended]);
    rmSync(directory, { recursive: true, force: true });
  });

  it("answers as the service does that writes", async () => {
    const { body: runs } = await read("/v1/runs");
    const { backupId, id } = runs.items[0];
    const same = [
      "/v1/databases",
      "/v1/databases/shop/migrations",
      `/v1/runs/${id}`,
      `/v1/runs/${id}/events`,
      `/v1/backups/${backupId}`,
      "/v1/databases/shop/integrity-checks",
      "/v1/databases/shop/schedules",
      "/v1/databases/shop/schema",
      "/v1/databases/shop/schema/blame",
      "/v1/databases/shop/schema/diff?from=7&to=ledger",
      "/v1/audit/events?to=2026-01-01T00:00:00Z",
      "/v1/audit/events?to=2026-01-01T00:00:00Z&limit=all",
      "/v1/audit/events?after=2&limit=20&database=shop&type=StepApplied",
      "/v1/ledger/vkey",
      "/v1/ledger/signing-keys",
      "/v1/ledger/tile/0/000.p/5",
      "/v1/ledger/tile/entries/000.p/5",
      "/v1/ledger/events/3/entry",
      "/openapi.json",
    ];
    for (const path of same) {
      const [here, there] = await Promise.all([read(path), ask(writer.url, "GET", path)]);
      deepEqual([here.status, here.body], [there.status, there.body], path);
      if (Object.keys(here.body).length === 0) equal(here.text, there.text, path);
      equal(here.status, 200, path);
    }
    match((await read("/v1/ledger/checkpoint")).text, /^\S+\n\d+\n\S+\n\n— /);
    match((await read("/v1/ledger/events/3/proof")).text, /^c2sp.org\/tlog-proof@v1/);
    equal((await read("/v1/ledger/consistency?size=3")).status, 200);
    match((await read("/metrics")).text, /^schemaledger_ledger_events \d+$/m);
    for (const format of ["json", "html", "csv", "pdf"])
      equal((await read(`/v1/reports/changes?format=${format}`)).status, 200, format);
    equal((await read("/v1/reports/evidence")).status, 200);
    equal((await read("/readyz")).status, 200);
    const live = await read("/v1/databases/shop/schema/diff");
    deepEqual([live.status, live.body.code], [403, "database-not-opened"]);
  });

  it("has no route that does anything, whoever asks", async () => {
    const { body: document } = await read("/openapi.json");
    const paths = Object.entries(document.paths) as [string, { [method: string]: object }][];
    ok(paths.length > 50);
    const size = (await read("/v1/audit/events?order=desc&limit=1")).body.items[0].index;
    const facts = async (): Promise<number> => {
      const { items } = (await ask(writer.url, "GET", `/v1/audit/events?after=${size}`)).body;
      return items.filter(
        ({ type }: { type: string }) => !/^(Audit|Report|LedgerBackup)/.test(type),
      ).length;
    };
    const before = await facts();
    for (const [template, methods] of paths) {
      const path = template.replaceAll("{database}", "shop").replaceAll(/\{\w+\}/g, "0");
      const refused = ["POST", "PUT", "PATCH", "DELETE"].map(async (method) => {
        const reply = await ask(reader.url, method, path, { reason: "x" });
        deepEqual([reply.status, reply.body.code], [405, "read-only"], `${method} ${path}`);
      });
      await Promise.all(refused);
      if (!("get" in methods)) continue;
      const { status, text } = await ask(reader.url, "GET", path);
      ok(status < 500, `GET ${path}: ${text.slice(0, 300)}`);
    }
    equal(await facts(), before);
  });

  it("follows: a key that is issued opens it, a key that is revoked does not", async () => {
    const admin = token;
    const issued = await write("/v1/keys", { name: "follower", roles: ["auditor"] });
    await until(knows("follower"));
    token = issued.token;
    equal((await read("/v1/databases")).status, 200);
    token = admin;
    await ask(writer.url, "DELETE", `/v1/keys/${issued.id}?reason=gone`);
    token = issued.token;
    await until(async () => (await read("/v1/databases")).status === 401);
    token = admin;
  });

  it("opens no file of the directory to write, and has no signing key open", function () {
    if (!seals) this.skip();
    const { pid } = reader.running.child;
    const files = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const path = placeOf(`/proc/${pid}/fd/${fd}`);
      if (!path.startsWith(data)) return [];
      const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8");
      return [{ path, mode: Number.parseInt(/flags:\s+(\d+)/.exec(info)![1]!, 8) & 3 }];
    });
    ok(files.length >= 5);
    deepEqual(
      files.filter(({ mode, path }) => mode !== 0 || path.endsWith(".pem")),
      [],
    );
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    equal(children, "");
  });

  it("lets nothing be written by code that runs inside of it", async function () {
    if (!seals) this.skip();
    // What the writer itself writes now and then must not be taken for it.
    writer.running.child.kill("SIGSTOP");
    const before = contentOf(data);
    const told = saying(reader.running, /^tried (.*)$/);
    reader.running.child.kill("SIGUSR2");
    const { result, handles, writable } = JSON.parse(await told);
    const afterwards = contentOf(data);
    writer.running.child.kill("SIGCONT");
    ok(handles >= 3);
    deepEqual(writable, []);
    const through = Object.entries(result as { [way: string]: string }).filter(
      ([way, end]) => end === "WRITTEN" || (end === "DONE" && !/query_only|checkpoint/.test(way)),
    );
    deepEqual(through, []);
    ok(Object.values(result).includes("ERR_ACCESS_DENIED"));
    deepEqual(afterwards, before);
  });

  it("goes on while the writer is killed, comes back, and checkpoints its log", async () => {
    writer.running.child.kill("SIGKILL");
    await writer.running.ended;
    equal((await read("/v1/databases/shop")).status, 200);
    writer = await startService(data, directory);
    await write("/v1/keys", { name: "after-the-crash", roles: ["auditor"] });
    await until(knows("after-the-crash"));
    const other = new Sqlite(join(data, "ledger.db"));
    other.pragma("wal_checkpoint(TRUNCATE)");
    other.close();
    await write("/v1/keys", { name: "after-the-checkpoint", roles: ["auditor"] });
    await until(knows("after-the-checkpoint"));
    await writer.stop();
    equal((await read("/v1/databases/shop")).status, 200);
    await end(reader);
  });

  it("reads a directory that nobody writes, makes nothing in it, and follows a writer that comes", async () => {
    // The last connection takes the log away when it closes.
    new Sqlite(join(data, "ledger.db")).exec("SELECT 1 FROM event").close();
    const files = readdirSync(data).toSorted();
    ok(!files.includes("ledger.db-wal"), files.join());
    reader = await start();
    ok(await knows("after-the-checkpoint")());
    match((await read("/v1/ledger/checkpoint")).text, /^\S+\n\d+\n/);
    deepEqual(readdirSync(data).toSorted(), files);
    writer = await startService(data, directory);
    await write("/v1/keys", { name: "late", roles: ["auditor"] });
    await until(knows("late"));
  });

  it("folds for itself where no projection is stored, or that of another release", async () => {
    const copy = join(directory, "unfolded");
    cpSync(data, copy, { recursive: true });
    const db = new Sqlite(join(copy, "projection.db"));
    equal(db.prepare("UPDATE mark SET code = 'another release'").run().changes, 1);
    db.close();
    const foreign = await start(copy);
    const found = await ask(foreign.url, "GET", "/v1/databases");
    deepEqual([found.status, found.text], [200, (await read("/v1/databases")).text]);
    await end(foreign);
    for (const suffix of ["", "-wal", "-shm"])
      rmSync(join(copy, `projection.db${suffix}`), { force: true });
    const missing = await start(copy);
    equal((await ask(missing.url, "GET", "/v1/databases")).text, found.text);
    ok(!readdirSync(copy).includes("projection.db"));
    await end(missing);
  });

  it("reads a copy that was made while the service was at work", async function () {
    if (!LONG) this.skip();
    const copy = join(directory, "copy");
    cpSync(data, copy, { recursive: true });
    const other = await start(copy);
    const { status, text } = await ask(other.url, "GET", "/v1/keys");
    deepEqual([status, text.includes('"late"')], [200, true]);
    await end(other);
  });

  it("refuses to start where there is no ledger, and where it could write", async () => {
    const nothing = join(directory, "nothing");
    const args = ["serve", "--read-only", "--port", "0", "--data"];
    const missing = await inProcess([...args, nothing], { cwd: directory });
    equal(missing.code, 2, missing.stderr);
    match(missing.stderr, /There is no ledger/);
    const env = { PATH: "/nonexistent" };
    const open = await schemaledger([...args, data], { cwd: directory, env }).ended;
    equal(open.code, 3, open.stderr);
    match(open.stderr, /could write into/);
  });
});

/** Of a descriptor, which may be closed meanwhile. */
function placeOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}

/** Digest of each file of the ledger; the shared memory of the log is the readers' too. */
const contentOf = (data: string): string[] =>
  readdirSync(data)
    .filter((name) => !name.endsWith("-shm") && !/^(backups|tiles|keys)$/.test(name))
    .map(
      (name) =>
        `${name} ${createHash("sha256")
          .update(readFileSync(join(data, name)))
          .digest("hex")}`,
    );
