import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BackupManifest, BackupStore } from "../../../src/domain/backup/backup-store.ts";
import {
  Conflict,
  type DomainError,
  InvalidInput,
  NotFound,
} from "../../../src/domain/shared/errors.ts";

/** A store over the same place each time, as a restarted service would have it. */
export interface StoreUnderTest {
  open(): Promise<BackupStore>;
  /** What a service does with the store when it starts after a crash. */
  restart(): Promise<BackupStore>;
  dispose(): Promise<void>;
}

export const HOSTILE_IDS = [
  "",
  ".",
  "..",
  "../evil",
  "/etc/passwd",
  "staging",
  "scratch",
  "manifest.json",
  "0190b0a0-0000-7000-8000-00000000000",
  "0190b0a0-0000-7000-8000-0000000000001",
  "0190B0A0-0000-7000-8000-000000000001",
  "0190b0a0-0000-7000-8000-000000000001/",
  "0190b0a0-0000-7000-8000-000000000001\n",
  "0190b0a0-0000-7000-8000-000000000001\0",
  "../../0190b0a0-0000-7000-8000-000000000001",
  "0190b0a0-0000-7000-8000-000000000001.publishing",
];

export function manifestOf(backupId: string, content: string): BackupManifest {
  return {
    format: 1,
    backupId,
    databaseId: "d",
    database: "shop",
    engine: "sqlite",
    kind: "full",
    bytes: Buffer.byteLength(content),
    sha256: "00",
    fingerprint: "f",
    rows: { orders: 3 },
    applied: ["1"],
    incarnation: "i",
    createdAt: "2025-01-01T00:00:00.000Z",
    toolVersion: "0.0.0",
    checkpoint: null,
  };
}

function has(code: string, type: typeof DomainError) {
  return (error: unknown) => {
    assert(error instanceof type);
    assert.equal(error.code, code);
    assert.notEqual(error.hint, undefined);
    return true;
  };
}

/** What every backup store does. */
export function itBehavesAsBackupStore(create: () => Promise<StoreUnderTest>): void {
  let place: StoreUnderTest;
  let store: BackupStore;
  let id: string;

  beforeEach(async () => {
    place = await create();
    store = await place.open();
    id = randomUUID();
  });

  afterEach(() => place.dispose());

  async function stageContent(content: string, backupId = id): Promise<void> {
    await writeFile(await store.stage(backupId), content);
  }

  async function stored(content: string, backupId = id): Promise<void> {
    await stageContent(content, backupId);
    await store.publish(backupId, manifestOf(backupId, content));
  }

  it("stores nothing by staging", async () => {
    await stageContent("abc");
    assert.deepEqual(await store.list(), []);
    assert.equal(await store.manifest(id), undefined);
    await assert.rejects(store.locate(id), has("backup-not-found", NotFound));
  });

  it("gives a place for the snapshot where nothing is yet", async () => {
    const path = await store.stage(id);
    assert.equal(existsSync(path), false);
    assert.equal(existsSync(dirname(path)), true);
  });

  it("has a published backup, whole, also after a restart", async () => {
    await stageContent("abc");
    const { storedBytes } = await store.publish(id, manifestOf(id, "abc"));
    assert(storedBytes >= 3);
    for (const one of [store, await place.open(), await place.restart()]) {
      assert.deepEqual(await one.list(), [id]);
      assert.deepEqual(await one.manifest(id), manifestOf(id, "abc"));
      assert.equal(await readFile(await one.locate(id), "utf8"), "abc");
    }
  });

  it("lists backups in the order of their ids", async () => {
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    for (const backupId of ids) {
      await stored("abc", backupId);
    }
    assert.deepEqual(await store.list(), ids.toSorted());
  });

  it("never changes a stored backup", async () => {
    await stored("abc");
    await assert.rejects(store.stage(id), has("backup-exists", Conflict));
    await assert.rejects(store.publish(id, manifestOf(id, "xyz")), has("backup-exists", Conflict));
    await store.discard(id);
    assert.equal(await readFile(await store.locate(id), "utf8"), "abc");
  });

  it("refuses to stage twice", async () => {
    await stageContent("abc");
    await assert.rejects(store.stage(id), has("backup-staged", Conflict));
    await store.publish(id, manifestOf(id, "abc"));
    assert.equal(await readFile(await store.locate(id), "utf8"), "abc");
  });

  it("refuses to publish what was not staged", async () => {
    await assert.rejects(store.publish(id, manifestOf(id, "")), has("backup-not-staged", Conflict));
  });

  it("refuses to publish less than the manifest says, and can be tried again", async () => {
    const path = await store.stage(id);
    await writeFile(path, "ab");
    await assert.rejects(
      store.publish(id, manifestOf(id, "abc")),
      has("backup-incomplete", Conflict),
    );
    assert.deepEqual(await store.list(), []);
    await writeFile(path, "abc");
    await store.publish(id, manifestOf(id, "abc"));
    assert.equal(await readFile(await store.locate(id), "utf8"), "abc");
  });

  it("refuses another backup's manifest", async () => {
    await stageContent("abc");
    await assert.rejects(
      store.publish(id, manifestOf(randomUUID(), "abc")),
      has("backup-id-differs", InvalidInput),
    );
    await store.publish(id, manifestOf(id, "abc"));
  });

  it("lets exactly one of several publishers win", async () => {
    await stageContent("abc");
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => store.publish(id, manifestOf(id, "abc"))),
    );
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    for (const outcome of outcomes) {
      assert(outcome.status === "fulfilled" || outcome.reason instanceof Conflict);
    }
    assert.deepEqual(await store.manifest(id), manifestOf(id, "abc"));
  });

  it("publishes several backups at the same time", async () => {
    const ids = Array.from({ length: 8 }, () => randomUUID());
    await Promise.all(ids.map((backupId) => stored(backupId, backupId)));
    assert.deepEqual(await store.list(), ids.toSorted());
    for (const backupId of ids) {
      assert.equal(await readFile(await store.locate(backupId), "utf8"), backupId);
    }
  });

  it("forgets what was staged when the service died before publishing", async () => {
    await stored("abc");
    const other = randomUUID();
    await stageContent("half", other);
    store = await place.restart();
    assert.deepEqual(await store.list(), [id]);
    assert.equal(await store.manifest(other), undefined);
    await stored("whole", other);
    assert.equal(await readFile(await store.locate(other), "utf8"), "whole");
  });

  it("discards what was staged, and more than once", async () => {
    await store.discard(id);
    await stageContent("abc");
    await store.discard(id);
    await store.discard(id);
    await stored("xyz");
    assert.equal(await readFile(await store.locate(id), "utf8"), "xyz");
  });

  it("stores a raw copy as a directory of files", async () => {
    const path = await store.stage(id);
    await mkdir(path);
    await writeFile(join(path, "app.db"), "abc");
    await writeFile(join(path, "app.db-wal"), "de");
    await store.publish(id, { ...manifestOf(id, "abc"), kind: "raw", fingerprint: null });
    const directory = await store.locate(id);
    assert.deepEqual((await readdir(directory)).toSorted(), ["app.db", "app.db-wal"]);
    assert.equal(await readFile(join(directory, "app.db-wal"), "utf8"), "de");
  });

  it("refuses ids that are no UUIDs", async () => {
    const refused = has("backup-id-invalid", InvalidInput);
    for (const hostile of HOSTILE_IDS) {
      await assert.rejects(store.stage(hostile), refused);
      await assert.rejects(store.publish(hostile, manifestOf(hostile, "")), refused);
      await assert.rejects(store.discard(hostile), refused);
      await assert.rejects(store.manifest(hostile), refused);
      await assert.rejects(store.locate(hostile), refused);
    }
  });

  it("gives scratch directories that are apart, and removes them", async () => {
    const [one, two] = await Promise.all([store.scratch("rehearse"), store.scratch("rehearse")]);
    assert.notEqual(one.path, two.path);
    await writeFile(join(one.path, "copy.db"), "abc");
    await one.dispose();
    await one.dispose();
    assert.equal(existsSync(one.path), false);
    assert.equal(existsSync(two.path), true);
    assert.deepEqual(await store.list(), []);
  });
}
