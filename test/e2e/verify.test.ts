import assert from "node:assert/strict";
import Sqlite from "better-sqlite3";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestService } from "../support/service.ts";
import { signAgain, tamper } from "../support/ledger-forger.ts";
import { endProcessesAfterEach, start } from "../support/service-process.ts";
import { MAIN, ROOT, textOf } from "../support/repository.ts";

const step = (version: string) => ({
  version,
  name: `step ${version}`,
  up: `CREATE TABLE t${version} (x)`,
});

/** What each attack does with the stopped service; `older` is a copy of its data before the end. */
const ATTACKS: { readonly [name: string]: (at: Attack) => Promise<void> | void } = {
  "nothing was done to it": () => undefined,
  "edit a payload": ({ data }) =>
    tamper(data, (db) => db.exec("UPDATE payload SET data = replace(data, 'shop', 'shap')")),
  "swap two payloads": ({ data }) =>
    tamper(data, (db) =>
      db.exec(`UPDATE payload SET (salt, data) = (SELECT salt, data FROM payload WHERE idx = 5)
        WHERE idx = 4`),
    ),
  "erase a payload": ({ data }) =>
    tamper(data, (db) =>
      db.exec(`UPDATE payload SET salt = NULL, data = NULL, erased_at = 'x', erase_reason = 'y'
        WHERE idx = 4`),
    ),
  "take the text of a migration away": ({ data }) =>
    tamper(data, (db) => db.exec("DELETE FROM content")),
  "edit an event": ({ data }) => editEvent(data),
  "edit an event and sign again": async ({ data }) => {
    editEvent(data);
    await signAgain(data);
  },
  "delete an event": ({ data }) =>
    tamper(data, (db) =>
      db.exec("DELETE FROM payload WHERE idx = 4; DELETE FROM event WHERE idx = 4"),
    ),
  "cut off what followed the last step and sign again": ({ data }) =>
    cutOff(data, "StepApplied", 1),
  "cut off the last step, too": ({ data }) => cutOff(data, "StepStarted", 0),
  "cut off the last run": ({ data }) => cutOff(data, "RunRequested", 0),
  "put an older ledger file in its place": ({ data, older }) => {
    for (const side of ["", "-wal", "-shm"])
      rmSync(join(data, `ledger.db${side}`), { force: true });
    cpSync(join(older, "ledger.db"), join(data, "ledger.db"));
  },
  "put an older data directory in its place": ({ data, older }) => {
    rmSync(data, { recursive: true });
    cpSync(older, data, { recursive: true });
  },
  "run a migration past the service, with a marker": ({ database }) =>
    change(
      database,
      `INSERT INTO schemaledger_marker SELECT 'attempt-x', phase, '9', plan_digest, checksum,
      intent_idx, intent_leaf_hash, checkpoint, schema_fp_after, at FROM schemaledger_marker LIMIT 1`,
    ),
  "change a schema past the service": ({ database }) =>
    change(database, "CREATE TABLE smuggled (x)"),
  "take the markers away": ({ database }) => change(database, "DELETE FROM schemaledger_marker"),
  "put another managed database in its place": ({ database }) => {
    const other = database.replace("shop", "other");
    for (const side of ["", "-wal", "-shm"]) rmSync(database + side, { force: true });
    cpSync(other, database);
  },
};

interface Attack {
  readonly data: string;
  readonly older: string;
  readonly database: string;
}

describe("schemaledger verify on a ledger that was attacked", function () {
  this.timeout(60_000);
  endProcessesAfterEach();
  const table = rowsOf("docs/reference/attacks.md");
  let service: TestService;
  let older: string;
  let kept: string;

  before(async () => {
    service = await TestService.start();
    for (const name of ["shop", "other"]) await service.register(name);
    await migrate("1");
    kept = join(service.directory, "kept");
    writeFileSync(kept, (await service.get("/v1/ledger/checkpoint")).text);
    await service.halt();
    older = copyOf("older");
    await service.restart();
    await migrate("2");
    await service.halt();
    copyOf("whole");
    cpSync(service.databases, join(service.directory, "whole-databases"), { recursive: true });
  });
  after(() => service.stop());

  async function migrate(version: string): Promise<void> {
    await service.post("/v1/databases/shop/migrations", { migrations: [step(version)] });
    const { body } = await service.post("/v1/databases/shop/runs");
    const ended = (await service.get(`/v1/runs/${body["id"]}?wait=20`)).body;
    assert.equal(ended["status"], "succeeded", JSON.stringify(ended["error"]));
  }

  function copyOf(name: string): string {
    const place = join(service.directory, name);
    cpSync(service.data, place, { recursive: true });
    return place;
  }

  function restore(): void {
    for (const [from, to] of [
      ["whole", service.data],
      ["whole-databases", service.databases],
    ] as const) {
      if (existsSync(to)) rmSync(to, { recursive: true });
      cpSync(join(service.directory, from), to, { recursive: true });
    }
  }

  const verify = async (...args: readonly string[]): Promise<number | null> => {
    const command = [MAIN, "verify", "--data", service.data, ...args];
    const ended = await start(process.execPath, command, { cwd: service.directory }).ended;
    return ended.code;
  };

  for (const [name, attack] of Object.entries(ATTACKS))
    it(`${name}: as the table says`, async () => {
      restore();
      await attack({
        data: service.data,
        older,
        database: join(service.databases, "shop.db"),
      });
      const newest = join(service.directory, "whole", "checkpoint");
      const found = [
        await verify("--no-databases"),
        await verify("--no-databases", "--checkpoint", kept, "--checkpoint", newest),
        await verify(),
      ];
      assert.deepEqual(found, table.get(name));
    });

  it("has its thread beside what starts fast", () => {
    const bundle = join(ROOT, "dist/bundle");
    assert.ok(!existsSync(bundle) || existsSync(join(bundle, "verify-worker.js")));
  });

  it("makes each attack of the table", () => {
    assert.deepEqual([...table.keys()].toSorted(), Object.keys(ATTACKS).toSorted());
  });

  it("exports it, proves its events and verifies the export", async () => {
    restore();
    const cwd = service.directory;
    const cli = async (...args: readonly string[]) =>
      start(process.execPath, [MAIN, ...args], { cwd }).ended;
    const exported = await cli("export", "log", "--data", service.data, "--json");
    assert.deepEqual(
      [exported.code, JSON.parse(exported.stdout).format],
      [0, "export/1"],
      exported.stderr,
    );
    assert.equal((await cli("verify", "log", "--checkpoint", kept)).code, 0);
    assert.equal((await cli("verify", "log", "--vkey", "x")).code, 2);
    const proof = await cli("proof", "7", "--data", service.data, "--output", "evidence");
    assert.equal(proof.code, 0, proof.stderr);
    assert.match(readFileSync(join(cwd, "evidence/event-7.tlog-proof"), "utf8"), /\nindex 7\n/);
    assert.equal((await cli("proof", "9999", "--data", service.data)).code, 2);
    assert.equal((await cli("proof", "-1", "--data", service.data)).code, 2);
    const since = await cli(
      "verify",
      "--data",
      service.data,
      "--since",
      kept,
      "--no-databases",
      "--json",
    );
    const { ok, size, checkedEvents } = JSON.parse(since.stdout);
    assert.ok(ok && checkedEvents < size, since.stdout);
  });
});

async function cutOff(data: string, type: string, after: number): Promise<void> {
  tamper(data, (db) => {
    const last = db.prepare("SELECT max(idx) FROM event WHERE type = ?").pluck().get(type);
    const from = (last as number) + after;
    db.exec(`DELETE FROM payload WHERE idx >= ${from}; DELETE FROM event WHERE idx >= ${from}`);
  });
  await signAgain(data);
}

function editEvent(data: string): void {
  tamper(data, (db) => {
    const { leaf } = db.prepare("SELECT leaf FROM event WHERE idx = 4").get() as { leaf: Buffer };
    const edited = leaf.toString().replace(/act_[0-9a-f]{4}/, "act_0000");
    const { actor } = JSON.parse(edited) as { actor: string };
    db.prepare("UPDATE event SET leaf = ?, actor = ? WHERE idx = 4").run(
      Buffer.from(edited),
      actor,
    );
  });
}

function change(database: string, sql: string): void {
  const db = new Sqlite(database);
  db.exec(sql);
  db.close();
}

/** Attack → exit codes: files alone, with kept checkpoints, with the databases. */
function rowsOf(page: string): Map<string, number[]> {
  const rows = textOf(page).matchAll(/^\| ([^|`]+) \| (\d+) \| (\d+) \| (\d+) \|/gm);
  return new Map([...rows].map(([, name, ...codes]) => [name!.trim(), codes.map(Number)]));
}
