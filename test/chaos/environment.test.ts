import assert from "node:assert/strict";
import Database from "better-sqlite3";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  openSync,
  closeSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { assertConsistent } from "../support/chaos/assert-consistent.ts";
import type { Api, DatabaseView, RunView } from "../support/chaos/api.ts";
import { extent } from "../support/chaos/extent.ts";
import { eachMode } from "../support/chaos/modes.ts";
import { isGone, requestRestore } from "../support/chaos/stories.ts";
import type { World } from "../support/chaos/world.ts";

const app = (api: Api): Promise<DatabaseView> =>
  api.need(api.get<DatabaseView>("/v1/databases/app"));

/** The run fails with the code, and the database's own page says so and what to do. */
async function assertFails(api: Api, codes: readonly string[], body = {}): Promise<void> {
  const run = await api.run("app", body);
  assert.equal(run.status, "failed");
  assert.equal(run.outcome, "untouched");
  assert.ok(codes.includes(run.error?.code ?? ""), JSON.stringify(run.error));
  const { lastRun } = await app(api);
  assert.equal(lastRun?.error?.code, run.error?.code);
  assert.ok((lastRun?.error?.hint ?? "").length > 10, JSON.stringify(lastRun));
}

/** All files of the database. */
const files = ({ root }: World): string[] =>
  readdirSync(root).filter((name) => name.startsWith("app.db"));

function takeAway(world: World): void {
  for (const name of files(world))
    renameSync(join(world.root, name), join(world.root, `kept-${name}`));
}

function putBack(world: World): void {
  for (const name of files(world)) rmSync(join(world.root, name));
  for (const name of readdirSync(world.root).filter((kept) => kept.startsWith("kept-")))
    renameSync(join(world.root, name), join(world.root, name.slice("kept-".length)));
}

const succeeded = async (api: Api): Promise<void> =>
  assert.equal((await api.run("app")).status, "succeeded");

async function restored(api: Api): Promise<void> {
  const id = await requestRestore(api);
  await api.until((all) =>
    all.some(
      ({ type, data }) => /^Restore(Completed|Failed)$/.test(type) && data["restoreId"] === id,
    ),
  );
  const restore = await api.need(api.get(`/v1/restores/${id}`));
  assert.equal(restore["status"], "succeeded", JSON.stringify(restore));
}

describe("Faults around the service", function () {
  this.timeout(60_000);
  const { inTurn, whenLong } = eachMode();

  inTurn("a missing file fails the run; put back, the next succeeds", async (world) => {
    const { api, close } = await world.serve();
    takeAway(world);
    await assertFails(api, ["database-missing"]);
    assert.deepEqual(files(world), []);
    putBack(world);
    await succeeded(api);
    await close();
    await assertConsistent(world);
  });

  inTurn("a missing file is brought back by a restore", async (world) => {
    const { api, close } = await world.serve();
    takeAway(world);
    await restored(api);
    await succeeded(api);
    await close();
    await assertConsistent(world);
  });

  inTurn("a foreign database at the place is left alone", async (world) => {
    const { api, close } = await world.serve();
    takeAway(world);
    const db = new Database(world.database);
    db.exec(
      "CREATE TABLE item (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO item VALUES (1, 1)",
    );
    const before = db.serialize();
    await assertFails(api, ["not-registered"]);
    assert.ok(db.serialize().equals(before));
    db.close();
    putBack(world);
    await succeeded(api);
    await close();
    await assertConsistent(world);
  });

  inTurn("an older copy put in place is noticed before anything is applied", async (world) => {
    const { api, close } = await world.serve();
    const older = join(world.root, "older");
    world.foreign((db) => db.exec(`VACUUM INTO '${older}'`));
    await api.run("app", { to: "3" });
    takeAway(world);
    copyFileSync(older, world.database);
    await assertFails(api, ["markers-differ"], { rehearse: false });
    await assertFails(api, ["markers-differ"]);
    putBack(world);
    await succeeded(api);
    await close();
    await assertConsistent(world);
  });

  inTurn("a file that is no database any more is restored", async (world) => {
    const { api, close } = await world.serve();
    for (const name of files(world)) writeFileSync(join(world.root, name), "x".repeat(9000));
    await assertFails(api, ["not-a-database"]);
    await restored(api);
    await succeeded(api);
    await close();
    await assertConsistent(world);
  });

  inTurn("a damaged page stops the run before its first step", async (world) => {
    const { api, close } = await world.serve();
    damage(world);
    await assertFails(api, [
      "database-damaged",
      "backup-differs",
      "backup-damaged",
      "snapshot-damaged",
    ]);
    await restored(api);
    await succeeded(api);
    await close();
    await assertConsistent(world);
  });

  inTurn("what cannot be managed is not registered", async (world) => {
    const { api, close } = await world.serve();
    const size = (await api.events()).length;
    writeFileSync(join(world.root, "broken.db"), "x".repeat(9000));
    const answer = await api.post("/v1/databases", {
      name: "broken",
      engine: "sqlite",
      url: join(world.root, "broken.db"),
    });
    assert.equal(answer.status, 400);
    assert.equal(answer.body["code"], "not-a-database");
    assert.equal((await api.events()).length, size);
    await close();
  });

  for (const [what, mode, declare] of [
    ["app.db", 0o444, inTurn],
    [".", 0o555, whenLong],
  ] as const)
    declare(`no permission to write ${what} fails the run clearly`, async (world) => {
      const service = await world.spawn({}, unprivileged(world));
      const path = join(world.root, what);
      const before = statSync(path).mode;
      chmodSync(path, mode);
      await assertFails(service.api, ["database-read-only"]);
      chmodSync(path, before);
      await succeeded(service.api);
      await service.stop();
      await assertConsistent(world);
    });

  inTurn("a full disk fails the step, and the next run succeeds", async (world) => {
    // 512-byte blocks: no file may grow beyond 2 MiB.
    const service = await world.spawn({}, limited(4096));
    const { api } = service;
    const up = `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 8)
INSERT INTO log (what) SELECT hex(zeroblob(500000)) FROM c;`;
    await api.need(
      api.post("/v1/databases/app/migrations", {
        migrations: [{ version: "2.5", name: "big", up }],
      }),
    );
    const run = await api.run("app", { to: "2.5", rehearse: false });
    assert.equal(run.outcome, "untouched");
    assert.ok(["io-error", "disk-full"].includes(run.error?.code ?? ""), JSON.stringify(run.error));
    await api.need(api.post("/v1/databases/app/migrations/2.5/withdrawals", { reason: "too big" }));
    await succeeded(api);
    await service.stop();
    await assertConsistent(world);
  });

  for (const blocks of extent([96], [8, 48, 96, 160, 240, 320, 400, 480, 640, 800]))
    inTurn(`files that cannot grow beyond ${blocks} blocks, ledger included`, async (world) => {
      const service = await world.spawn({}, limited(blocks));
      if (service.listens) await endsSomehow(service.api);
      await service.kill();
      await assertConsistent(world);
    });
});

/** The run ends, or the service says that it cannot; it never claims what is not so. */
async function endsSomehow(api: Api): Promise<void> {
  try {
    const { status, body } = await api.post<RunView>("/v1/databases/app/runs", {});
    assert.ok([202, 503].includes(status), JSON.stringify(body));
    if (status === 202) await api.get(`/v1/runs/${body.id}?wait=1`);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Starts a program whose files may not grow beyond so many blocks of 512 bytes. */
const limited = (blocks: number): string[] => ["sh", "-c", `ulimit -f ${blocks}; exec "$@"`, "sh"];

/** Starts a program to which file permissions apply; they do not to root. */
function unprivileged(world: World): string[] {
  if (process.getuid?.() !== 0) return [];
  const NOBODY = 65_534;
  for (const path of [join(world.root, ".."), ...below(world.root)])
    chownSync(path, NOBODY, NOBODY);
  return ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
}

const below = (root: string): string[] => [
  root,
  ...readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => join(root, name)),
];

/** Overwrites a page in the middle of the largest table. */
function damage(world: World): void {
  world.foreign((db) => db.pragma("wal_checkpoint(TRUNCATE)"));
  assert.ok(!existsSync(`${world.database}-journal`));
  const file = openSync(world.database, "r+");
  writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, 4096 * 12);
  closeSync(file);
}
