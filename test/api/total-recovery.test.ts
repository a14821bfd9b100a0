import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { DomainError } from "../../src/domain/shared/errors.ts";
import { newIdentityLine, parseIdentity } from "../../src/infra/page-store/age.ts";
import { recoverAll, type TotalRecoveryOptions } from "../../src/api/total-recovery.ts";
import { TestService } from "../support/service.ts";

const step = (version: string, up: string) => ({ version, name: `step ${version}`, up });

describe("recovery after the loss of everything but the backups", () => {
  let service: TestService;
  let left: string;
  let keys: string;

  beforeEach(async () => {
    service = await TestService.start();
    service.ledgerBackupDelayMs = 5;
    await service.restart();
    await service.register("shop");
    await migrate(step("1", "CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)"));
    left = join(service.directory, "left");
    keys = join(service.directory, "kept-keys");
  });
  afterEach(() => service.stop());

  const file = (): string => join(service.databases, "shop.db");
  const data = (): string => join(service.directory, "new-data");
  const events = async (type: string) =>
    (await service.get(`/v1/audit/events?type=${type}&limit=1000`)).body["items"];

  async function migrate(migration: object): Promise<void> {
    await service.post("/v1/databases/shop/migrations", { migrations: [migration] });
    const { body } = await service.post("/v1/databases/shop/runs");
    const run = (await service.get(`/v1/runs/${body["id"]}?wait=20`)).body;
    assert.equal(run["status"], "succeeded", JSON.stringify(run["error"]));
  }

  /** The service ends in good order; then the machine is gone. */
  async function loseAll({ databases = true, checkpoint = false } = {}): Promise<void> {
    await service.halt();
    cpSync(join(service.data, "keys"), keys, { recursive: true });
    mkdirSync(left);
    renameSync(join(service.data, "backups"), join(left, "backups"));
    if (checkpoint) cpSync(join(service.data, "checkpoint"), join(left, "checkpoint"));
    rmSync(service.data, { recursive: true });
    if (databases) rmSync(service.databases, { recursive: true });
  }

  const recover = (more: Partial<TotalRecoveryOptions> = {}) =>
    recoverAll({
      from: join(left, "backups"),
      data: data(),
      roots: [service.databases],
      reason: "the disk burnt",
      newKeys: false,
      checkpoints: [],
      core: { log: () => {}, executor: { spare: 0 } },
      ...more,
    });

  async function serveNew(): Promise<void> {
    mkdirSync(service.databases, { recursive: true });
    renameSync(data(), service.data);
    await service.restart();
  }

  function rows(): unknown {
    const db = new Database(file(), { readonly: true });
    try {
      return db.prepare("SELECT count(*) FROM a").pluck().get();
    } finally {
      db.close();
    }
  }

  it("backs the ledger up after every run and keeps the newest three", async () => {
    for (const version of ["2", "3", "4"]) {
      await migrate(step(version, `CREATE TABLE t${version} (x)`));
      await service.halt();
      await service.restart();
    }
    await migrate(step("5", "CREATE TABLE t5 (x)"));
    await service.halt();
    const store = readdirSync(join(service.data, "backups", "manifests"));
    await service.restart();
    const completed = await events("LedgerBackupCompleted");
    assert.ok(completed.length >= 4, `${completed.length}`);
    const ids = completed.map(({ data: { backupId } }: { data: { backupId: string } }) => backupId);
    assert.deepEqual(ids.filter((id: string) => store.includes(id)).length, 3);
    const sizes = completed.map(({ data: { size } }: { data: { size: number } }) => size);
    assert.deepEqual(
      sizes,
      sizes.toSorted((a: number, b: number) => a - b),
    );
    // The last one is taken when the service ends: nothing that matters is missing from it.
    const [last] = (await events("RunCompleted")).slice(-1);
    assert.ok(sizes.at(-1) > last.index);
  });

  it("needs an identity for encrypted backups, and the one kept offline will do", async () => {
    const offline = newIdentityLine();
    await service.restart({ backupRecipients: [parseIdentity(offline)!.recipient] });
    await migrate(step("2", "INSERT INTO a VALUES (3)"));
    await loseAll();
    const isCode = (code: string) => (error: unknown) => (error as DomainError).code === code;
    await assert.rejects(recover({ newKeys: true }), isCode("backup-identity-missing"));
    const other = join(service.directory, "other.txt");
    writeFileSync(other, `${newIdentityLine()}\n`);
    await assert.rejects(recover({ keys, backupIdentity: other }), isCode("backup-identity-wrong"));
    writeFileSync(other, `${offline}\n`);
    const found = await recover({ keys, backupIdentity: other });
    assert.equal(found.databases[0]?.status, "recovered");
    assert.equal(rows(), 3);
  });

  it("rebuilds ledger and databases, with what has become of each", async () => {
    const before = (await service.get("/v1/audit/events?limit=1000")).body["items"];
    await loseAll();
    const found = await recover({ keys });
    assert.deepEqual(
      found.databases.map(({ name, status }) => [name, status]),
      [["shop", "recovered"]],
    );
    assert.ok(found.anchors > 0);
    assert.equal(rows(), 2);
    await serveNew();
    assert.equal((await service.get("/v1/databases/shop")).body["version"], "1");
    const after = (await service.get("/v1/audit/events?limit=1000")).body["items"];
    assert.deepEqual(after.slice(0, before.length - 2), before.slice(0, before.length - 2));
    assert.equal((await service.post("/v1/ledger/verifications")).body["ok"], true);
    const [restored] = await events("LedgerRestored");
    assert.deepEqual([restored.data.reason, restored.data.newKeys], ["the disk burnt", false]);
    await migrate(step("2", "CREATE TABLE b (x)"));
  });

  it("leaves databases alone that survived", async () => {
    const incarnation = (await service.get("/v1/databases/shop")).body["incarnation"];
    await loseAll({ databases: false });
    const found = await recover({ keys });
    assert.equal(found.databases[0]?.status, "untouched");
    await serveNew();
    assert.equal((await service.get("/v1/databases/shop")).body["incarnation"], incarnation);
  });

  it("goes on under new keys when the old ones are lost, and says so", async () => {
    await loseAll();
    await assert.rejects(recover(), { code: "key-files-missing" });
    const found = await recover({ newKeys: true });
    assert.equal(found.newKeys, true);
    await serveNew();
    const [rotated] = await events("KeyRotated");
    assert.equal(rotated.data.verifierKey, found.verifierKey);
    assert.equal((await events("KeyRetired")).length, 1);
    const verified = (await service.post("/v1/ledger/verifications")).body;
    assert.equal(verified["ok"], true, JSON.stringify(verified["findings"]));
    assert.ok((await service.get("/v1/ledger/vkey")).text.includes(found.verifierKey));
    await migrate(step("2", "CREATE TABLE b (x)"));
  });

  /** As if the ledger's backups had not been made since. */
  async function withoutLedgerBackups(): Promise<void> {
    service.ledgerBackupDelayMs = null;
    await service.restart();
  }

  it("does not fork a ledger that others have seen further, and says what to do", async () => {
    await withoutLedgerBackups();
    await migrate(step("2", "CREATE TABLE b (x)"));
    await service.halt();
    const ledger = join(service.directory, "found.db");
    cpSync(join(service.data, "ledger.db"), ledger);
    await loseAll({ databases: false, checkpoint: true });
    await assert.rejects(recover({ keys }), (error: DomainError) => {
      assert.equal(error.code, "ledger-behind-anchors");
      assert.match(error.hint ?? "", /--ledger.*--databases-only/);
      const sources = JSON.stringify(error.details["anchors"]);
      for (const source of [
        "the manifest of backup",
        "the fence of",
        "the markers of",
        "checkpoint",
      ])
        assert.ok(sources.includes(source), `${source}: ${sources}`);
      return true;
    });
    assert.equal(existsSync(join(data(), "ledger.db")), false);
    // A newer ledger that was found elsewhere.
    const found = await recover({ keys, ledger });
    assert.deepEqual([found.ledgerBackupId, found.databases[0]?.status], [null, "untouched"]);
  });

  it("refuses a ledger whose history was changed", async () => {
    await service.halt();
    const ledger = join(service.directory, "changed.db");
    cpSync(join(service.data, "ledger.db"), ledger);
    const db = new Database(ledger);
    db.exec("DROP TRIGGER IF EXISTS event_no_update");
    const triggers = db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
      .pluck()
      .all() as string[];
    for (const name of triggers) db.exec(`DROP TRIGGER "${name}"`);
    db.exec(
      "UPDATE event SET leaf = CAST(replace(CAST(leaf AS TEXT), 'user', 'root') AS BLOB) WHERE idx = 3",
    );
    db.exec("UPDATE event SET leaf_hash = zeroblob(32) WHERE idx = 3");
    db.close();
    await loseAll();
    await assert.rejects(recover({ keys, ledger }), { code: "ledger-damaged" });
  });

  it("refuses a directory that is none, data that are there, keys of another ledger", async () => {
    await loseAll();
    await assert.rejects(recover({ from: left }), { code: "not-a-backup-store" });
    const other = await TestService.start();
    await other.halt();
    await assert.rejects(recover({ keys: join(other.data, "keys") }), {
      code: "keys-of-other-ledger",
    });
    await assert.rejects(recover({ data: other.data, keys }), { code: "data-not-empty" });
    await other.stop();
  });
});
