import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import Database from "better-sqlite3";
import { recoverAll } from "../../src/api/total-recovery.ts";
import { newIdentityLine, parseIdentity } from "../../src/infra/page-store/age.ts";
import { TestBucket } from "../support/s3/bucket.ts";
import { objectService, type ObjectService } from "../support/s3/radosgw.ts";
import { TestService } from "../support/service.ts";

const step = (version: string, up: string) => ({ version, name: `step ${version}`, up });

describe("a service with its backups in a bucket", () => {
  let objects: ObjectService;
  let bucket: TestBucket;
  let service: TestService;

  before(async function () {
    objects = await objectService(this);
  });
  beforeEach(async () => {
    bucket = await TestBucket.create(objects);
    service = await TestService.start();
  });
  afterEach(async () => {
    await service.stop();
    await bucket.dispose();
  });

  /** As flags say it; the keys are in a file. */
  function inBucket(more: object = {}) {
    const file = join(service.directory, "access.keys");
    const { accessKeyId, secretAccessKey } = bucket.keys;
    const lines = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    writeFileSync(file, lines, { mode: 0o600 });
    const backups = `s3://${bucket.name}/ledgers/one`;
    return { backups, s3Endpoint: objects.endpoint, s3Credentials: file, ...more };
  }

  const events = async (type: string) =>
    (await service.get(`/v1/audit/events?type=${type}&limit=1000`)).body["items"];

  async function migrate(migration: object): Promise<void> {
    await service.post("/v1/databases/shop/migrations", { migrations: [migration] });
    const { body } = await service.post("/v1/databases/shop/runs");
    const run = (await service.get(`/v1/runs/${body["id"]}?wait=20`)).body;
    assert.equal(run["status"], "succeeded", JSON.stringify(run["error"]));
  }

  async function keysIn(prefix = "ledgers/one/"): Promise<string[]> {
    const { Contents = [] } = await bucket.client.send(
      new ListObjectsV2Command({ Bucket: bucket.name, Prefix: prefix }),
    );
    return Contents.map(({ Key }) => Key!.slice(prefix.length));
  }

  function rows(): unknown {
    const db = new Database(join(service.databases, "shop.db"), { readonly: true });
    try {
      return db.prepare("SELECT count(*) FROM a").pluck().get();
    } finally {
      db.close();
    }
  }

  /** What the service's first start, before it was told of the bucket, may have written. */
  const inDirectory = (): string[] =>
    readdirSync(join(service.data, "backups"), { recursive: true })
      .map(String)
      .filter((path) => !path.startsWith("scratch"))
      .toSorted();

  it("backs up, verifies, restores and prunes there, and says where", async () => {
    await service.restart(inBucket());
    const before = inDirectory();
    await service.register("shop");
    await migrate(step("1", "CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)"));
    await migrate(step("2", "INSERT INTO a VALUES (3)"));
    const [changed] = await events("BackupStoreChanged");
    const place = { url: `s3://${bucket.name}/ledgers/one`, endpoint: objects.endpoint };
    assert.deepEqual(changed.data, { place });
    assert.deepEqual(inDirectory(), before, "nothing is written there any more");
    const { items } = (await service.get("/v1/databases/shop/backups")).body;
    assert.deepEqual(
      items.map(({ status }: { status: string }) => status),
      ["verified", "verified"],
    );
    const asked = { backupId: items[0].id, reason: "back" };
    const { body: restore } = await service.post("/v1/databases/shop/restores", asked);
    const restored = (await service.get(`/v1/restores/${restore["id"]}?wait=20`)).body;
    assert.equal(restored["status"], "succeeded", JSON.stringify(restored["error"]));
    assert.equal(rows(), 2);
    await service.ask("PATCH", "/v1/databases/shop/policy", {
      body: { retention: { keepLast: 1, minVerified: 1 } },
    });
    const { body } = await service.post("/v1/databases/shop/prunes", { reason: "space" });
    const prune = (await service.get(`/v1/prunes/${body["id"]}?wait=20`)).body;
    assert.equal(prune["status"], "succeeded", JSON.stringify(prune));
    const manifests = (await keysIn()).filter((name) => name.startsWith("manifests/"));
    const left = (await service.get("/v1/databases/shop/backups")).body.items.filter(
      ({ status }: { status: string }) => status === "verified",
    );
    assert.deepEqual(
      manifests.toSorted(),
      left.map(({ id }: { id: string }) => `manifests/${id}`).toSorted(),
    );
    assert.deepEqual(await keysIn("ledgers/one/begun/"), []);
  });

  it("writes access keys down nowhere", async () => {
    const offline = parseIdentity(newIdentityLine())!.recipient;
    await service.restart(inBucket({ backupRecipients: [offline] }));
    await service.register("shop");
    await migrate(step("1", "CREATE TABLE a (x)"));
    const { accessKeyId, secretAccessKey } = bucket.keys;
    const secrets = [secretAccessKey, accessKeyId];
    const said = [JSON.stringify(service.diary), ...filesBelow(service.data)];
    for (const text of said)
      for (const secret of secrets) assert.equal(text.includes(secret), false);
    const everything = await service.get("/v1/audit/events?limit=1000");
    for (const secret of secrets) assert.equal(everything.text.includes(secret), false);
    for (const commandLine of commandLines())
      for (const secret of secrets) assert.equal(commandLine.includes(secret), false);
  });

  it("is brought back from the bucket alone when everything else is gone", async () => {
    service.ledgerBackupDelayMs = 5;
    await service.restart(inBucket());
    await service.register("shop");
    await migrate(step("1", "CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)"));
    const before = (await service.get("/v1/audit/events?limit=1000")).body["items"];
    await service.halt();
    const keys = join(service.directory, "kept-keys");
    cpSync(join(service.data, "keys"), keys, { recursive: true });
    rmSync(service.data, { recursive: true });
    rmSync(service.databases, { recursive: true });
    const { s3Credentials } = inBucket();
    const found = await recoverAll({
      from: { ...bucket.settings(), credentialsFile: s3Credentials },
      data: join(service.directory, "new-data"),
      roots: [service.databases],
      reason: "the machine burnt",
      newKeys: false,
      checkpoints: [],
      keys,
      core: { log: () => {}, executor: { spare: 0 } },
    });
    assert.deepEqual(
      found.databases.map(({ name, status, error }) => [name, status, error]),
      [["shop", "recovered", null]],
    );
    assert.equal(rows(), 2);
    renameSync(join(service.directory, "new-data"), service.data);
    // Nothing is said of the bucket: it is known.
    await service.restart();
    const after = (await service.get("/v1/audit/events?limit=1000")).body["items"];
    assert.deepEqual(after.slice(0, before.length - 2), before.slice(0, before.length - 2));
    assert.equal((await events("BackupStoreChanged")).length, 1);
    await migrate(step("2", "CREATE TABLE b (x)"));
    assert.deepEqual(readdirSync(join(service.data, "backups")), ["scratch"]);
  });

  it("moves a store only when every backup that counts has been copied", async () => {
    await service.register("shop");
    await migrate(step("1", "CREATE TABLE a (x); INSERT INTO a VALUES (1)"));
    await assert.rejects(service.restart(inBucket()), { code: "backup-store-incomplete" });
    assert.deepEqual(await keysIn(), []);
    const from = join(service.data, "backups");
    for (const folder of ["packs", "lists", "manifests"])
      for (const name of readdirSync(join(from, folder)))
        await bucket.client.send(
          new PutObjectCommand({
            Bucket: bucket.name,
            Key: `ledgers/one/${folder}/${name}`,
            Body: readFileSync(join(from, folder, name)),
          }),
        );
    await service.restart(inBucket());
    const [backup] = (await service.get("/v1/databases/shop/backups")).body.items;
    const verified = await service.post(`/v1/backups/${backup.id}/verifications`);
    assert.equal(verified.status, 202);
    await migrate(step("2", "INSERT INTO a VALUES (2)"));
    // Back again what was taken in the bucket is missing.
    await assert.rejects(service.restart({ backups: "local" }), {
      code: "backup-store-incomplete",
    });
  });

  it("does not start where it could not back up, and says why", async () => {
    const wrong = join(service.directory, "wrong.keys");
    writeFileSync(wrong, "aws_access_key_id = TESTKEY\naws_secret_access_key = wrong\n");
    const stranger = join(service.directory, "stranger.keys");
    const { accessKeyId, secretAccessKey } = objects.stranger;
    writeFileSync(
      stranger,
      `[default]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`,
    );
    const cases: [object, string][] = [
      [{ backups: `s3://${bucket.name}-gone/x` }, "bucket-missing"],
      [{ s3Credentials: wrong }, "bucket-credentials-wrong"],
      [{ s3Credentials: stranger }, "bucket-access-denied"],
      [{ s3Credentials: join(service.directory, "none") }, "bucket-credentials-file-invalid"],
      [{ s3Endpoint: "http://127.0.0.1:1" }, "bucket-unreachable"],
      [{ s3ObjectLock: "compliance:1" }, "bucket-lock-unavailable"],
      [{ backups: "ftp://x" }, "config-invalid"],
      [{ backups: "s3://UPPER/x" }, "config-invalid"],
      [{ backups: "local" }, "config-invalid"],
      [{ s3Endpoint: "ftp://x" }, "config-invalid"],
      [{ s3Endpoint: "http://key:secret@x" }, "config-invalid"],
      [{ s3ObjectLock: "for ever" }, "config-invalid"],
    ];
    for (const [more, code] of cases)
      await assert.rejects(
        async () => service.restart(inBucket(more)),
        (error: Error & { code?: string; hint?: string }) => {
          assert.equal(error.code, code, `${JSON.stringify(more)}: ${error.message}`);
          assert.notEqual(error.hint, undefined);
          return true;
        },
      );
    assert.deepEqual(await keysIn(""), []);
    await service.restart();
    assert.equal((await events("BackupStoreChanged")).length, 0);
  });

  it("leaves what is locked to a later prune, says so, and can restore it", async () => {
    await bucket.dispose();
    bucket = await TestBucket.create(objects, { lockable: true });
    service.ledgerBackupDelayMs = 5;
    await service.restart(inBucket({ s3ObjectLock: "compliance:1" }));
    await service.register("shop");
    await migrate(step("1", "CREATE TABLE a (x); INSERT INTO a VALUES (1)"));
    await migrate(step("2", "INSERT INTO a VALUES (2)"));
    const { items: before } = (await service.get("/v1/databases/shop/backups")).body;
    await service.ask("PATCH", "/v1/databases/shop/policy", {
      body: { retention: { keepLast: 1, minVerified: 1 } },
    });
    const { body } = await service.post("/v1/databases/shop/prunes", { reason: "space" });
    const prune = (await service.get(`/v1/prunes/${body["id"]}?wait=20`)).body;
    assert.equal(prune["status"], "succeeded", JSON.stringify(prune));
    const [completed] = await events("PruneCompleted");
    assert.deepEqual([completed.data.pruned, completed.data.locked], [0, [before[1].id]]);
    const { items: after } = (await service.get("/v1/databases/shop/backups")).body;
    assert.deepEqual(
      after.map(({ status }: { status: string }) => status),
      ["verified", "verified"],
    );
    const asked = { backupId: before[1].id, reason: "back" };
    const { body: restore } = await service.post("/v1/databases/shop/restores", asked);
    const restored = (await service.get(`/v1/restores/${restore["id"]}?wait=20`)).body;
    assert.equal(restored["status"], "succeeded", JSON.stringify(restored["error"]));
    // Held by the service and by the bucket.
    const place = { backupId: before[0].id, reason: "a lawsuit" };
    const hold = await service.post("/v1/databases/shop/legal-holds", place);
    assert.equal(hold.status, 201, hold.text);
    const Key = `ledgers/one/manifests/${before[0].id}`;
    const object = () => bucket.client.send(new HeadObjectCommand({ Bucket: bucket.name, Key }));
    assert.equal((await object()).ObjectLockLegalHoldStatus, "ON");
    await service.post(`/v1/legal-holds/${hold.body["id"]}/releases`, { reason: "settled" });
    assert.equal((await object()).ObjectLockLegalHoldStatus, "OFF");
  });

  it("fails a run before the database is touched when the bucket is gone", async () => {
    await service.restart(inBucket());
    await service.register("shop");
    await migrate(step("1", "CREATE TABLE a (x)"));
    const { Contents = [] } = await bucket.client.send(
      new ListObjectsV2Command({ Bucket: bucket.name }),
    );
    for (const { Key } of Contents)
      await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.name, Key }));
    const { DeleteBucketCommand } = await import("@aws-sdk/client-s3");
    await bucket.client.send(new DeleteBucketCommand({ Bucket: bucket.name }));
    await service.post("/v1/databases/shop/migrations", {
      migrations: [step("2", "CREATE TABLE b (x)")],
    });
    const { body } = await service.post("/v1/databases/shop/runs");
    const run = (await service.get(`/v1/runs/${body["id"]}?wait=20`)).body;
    assert.deepEqual([run["status"], run["outcome"]], ["failed", "untouched"]);
    assert.equal(run["error"]["code"], "bucket-missing");
    assert.match(run["error"]["hint"], /bucket/);
  });
});

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
}

/** Arguments and environments of this process's children, where the system shows them. */
function commandLines(): string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      if (!status.includes(`PPid:\t${process.pid}\n`)) continue;
      const line = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      if (!line.includes("executor")) continue;
      found.push(line, readFileSync(`/proc/${pid}/environ`, "latin1"));
    } catch {
      // It has ended meanwhile.
    }
  assert(found.length > 0);
  return found;
}
