import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  BackupStore,
  StoreAccess,
  StoredContent,
} from "../../../src/domain/backup/backup-store.ts";
import {
  Conflict,
  type DomainError,
  InvalidInput,
  NotFound,
  Unavailable,
} from "../../../src/domain/shared/errors.ts";
import { manifestOf } from "../../support/backups.ts";

/** File name → content. */
export type Files = { readonly [name: string]: Buffer };

/** A store over the same place each time, as a restarted service would have it. */
export interface StoreUnderTest {
  open(): Promise<BackupStore>;
  /** What a service does with the store when it starts after a crash. */
  restart(): Promise<BackupStore>;
  /** What an engine does in its own process: writes and reads content. */
  write(access: StoreAccess, files: Files): Promise<StoredContent>;
  read(access: StoreAccess): Promise<Files>;
  dispose(): Promise<void>;
}

export const HOSTILE_IDS = [
  "",
  ".",
  "..",
  "../evil",
  "/etc/passwd",
  "packs",
  "scratch",
  "0190b0a0-0000-7000-8000-00000000000",
  "0190b0a0-0000-7000-8000-0000000000001",
  "0190B0A0-0000-7000-8000-000000000001",
  "0190b0a0-0000-7000-8000-000000000001/",
  "0190b0a0-0000-7000-8000-000000000001\n",
  "0190b0a0-0000-7000-8000-000000000001\0",
  "../../0190b0a0-0000-7000-8000-000000000001",
];

function has(code: string, type: typeof DomainError) {
  return (error: unknown) => {
    assert(error instanceof type, String(error));
    assert.equal(error.code, code);
    assert.notEqual(error.hint, undefined);
    return true;
  };
}

/** Content that no two calls have in common. */
const fresh = (bytes: number): Files => ({ "snapshot.sqlite": randomBytes(bytes) });

/** Content of a size for the tests that are not about sizes. */
const SOME = 50_000;

/**
 * What every backup store does. `links`: of the longest chain of changes; above 16 the lists of a segment
 * are put together, which has nothing to do with the place.
 */
export function itBehavesAsBackupStore(create: () => Promise<StoreUnderTest>, links = 19): void {
  let place: StoreUnderTest;
  let store: BackupStore;
  let id: string;

  beforeEach(async () => {
    place = await create();
    store = await place.open();
    id = randomUUID();
  });

  afterEach(() => place.dispose());

  async function stored(
    files: Files,
    backupId = id,
    parent: string | null = null,
  ): Promise<StoredContent> {
    const content = await place.write(await store.begin(backupId, parent), files);
    await store.publish(backupId, manifestOf(backupId, content));
    return content;
  }

  const read = async (backupId = id): Promise<Files> => place.read(await store.access(backupId));

  /** Everything that was stored is there and as it was. */
  async function assertHas(expected: { readonly [backupId: string]: Files }): Promise<void> {
    assert.deepEqual(await store.list(), Object.keys(expected).toSorted());
    for (const [backupId, files] of Object.entries(expected))
      assert.deepEqual(await read(backupId), files);
  }

  describe("publication", () => {
    it("has nothing by beginning and writing", async () => {
      await place.write(await store.begin(id, null), fresh(SOME));
      assert.deepEqual(await store.list(), []);
      assert.equal(await store.manifest(id), undefined);
      await assert.rejects(store.access(id), has("backup-not-found", NotFound));
    });

    it("has a published backup, whole, also after a restart", async () => {
      const files = fresh(SOME);
      const content = await stored(files);
      for (const again of [() => place.open(), () => place.restart()]) {
        store = await again();
        await assertHas({ [id]: files });
        assert.deepEqual(await store.manifest(id), manifestOf(id, content));
      }
    });

    it("never changes a stored backup", async () => {
      const files = fresh(SOME);
      const content = await stored(files);
      await assert.rejects(store.begin(id, null), has("backup-exists", Conflict));
      const other = { ...manifestOf(id, content), database: "other" };
      await assert.rejects(store.publish(id, other), has("backup-exists", Conflict));
      await store.discard(id);
      await assertHas({ [id]: files });
    });

    it("refuses to begin twice", async () => {
      const access = await store.begin(id, null);
      await assert.rejects(store.begin(id, null), has("backup-begun", Conflict));
      const files = fresh(SOME);
      await store.publish(id, manifestOf(id, await place.write(access, files)));
      await assertHas({ [id]: files });
    });

    it("refuses to publish what was not begun, or was given up", async () => {
      const content = await stored(fresh(SOME), randomUUID());
      const refused = has("backup-not-begun", Conflict);
      await assert.rejects(store.publish(id, manifestOf(id, content)), refused);
      await store.begin(id, null);
      await store.discard(id);
      await assert.rejects(store.publish(id, manifestOf(id, content)), refused);
    });

    it("refuses another backup's manifest", async () => {
      const content = await place.write(await store.begin(id, null), fresh(SOME));
      const refused = has("backup-id-differs", InvalidInput);
      await assert.rejects(store.publish(id, manifestOf(randomUUID(), content)), refused);
      await store.publish(id, manifestOf(id, content));
    });

    it("lets exactly one of several publishers win", async () => {
      const files = fresh(SOME);
      const content = await place.write(await store.begin(id, null), files);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, () => store.publish(id, manifestOf(id, content))),
      );
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      for (const outcome of outcomes)
        assert(outcome.status === "fulfilled" || outcome.reason instanceof Conflict);
      await assertHas({ [id]: files });
    });

    it("writes and publishes several backups at the same time", async () => {
      const expected = Object.fromEntries(
        Array.from({ length: 8 }, () => [randomUUID(), fresh(SOME)] as const),
      );
      await Promise.all(Object.entries(expected).map(([one, files]) => stored(files, one)));
      await assertHas(expected);
    });

    it("lets what a failed attempt has written be written again", async () => {
      const files = fresh(SOME);
      await place.write(await store.begin(id, null), files);
      await store.discard(id);
      await store.discard(id);
      await stored(files);
      await assertHas({ [id]: files });
    });

    it("forgets what was begun when the service died before publishing", async () => {
      const files = fresh(SOME);
      await stored(files);
      const other = randomUUID();
      const half = await place.write(await store.begin(other, id), fresh(SOME));
      store = await place.restart();
      await assertHas({ [id]: files });
      const refused = has("backup-not-begun", Conflict);
      await assert.rejects(store.publish(other, manifestOf(other, half)), refused);
      const whole = fresh(SOME);
      await stored(whole, other);
      await assertHas({ [id]: files, [other]: whole });
    });

    it("refuses ids that are no UUIDs", async () => {
      const content = await stored(fresh(SOME));
      const refused = has("backup-id-invalid", InvalidInput);
      for (const hostile of HOSTILE_IDS)
        for (const attempt of [
          () => store.begin(hostile, null),
          () => store.publish(hostile, manifestOf(hostile, content)),
          () => store.discard(hostile),
          () => store.manifest(hostile),
          () => store.access(hostile),
          () => store.remove(hostile),
        ])
          await assert.rejects(attempt, refused);
    });
  });

  describe("content", () => {
    const sizes = [0, 1, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1, 3_000_000];
    it("comes back byte for byte, whatever its size", async () => {
      const expected = Object.fromEntries(
        sizes.map((size) => [randomUUID(), fresh(size)] as const),
      );
      for (const [one, files] of Object.entries(expected)) await stored(files, one);
      await assertHas(expected);
    });

    it("may be several files", async () => {
      const files = {
        "app.db": randomBytes(10_000),
        "app.db-wal": Buffer.alloc(0),
        "app.db-shm": randomBytes(4096),
      };
      await stored(files);
      await assertHas({ [id]: files });
    });

    it("is told by its digest, whatever is stored already", async () => {
      const files = fresh(SOME);
      const first = await stored(files);
      const again = await stored(files, randomUUID(), id);
      const alone = await stored({ ...files }, randomUUID());
      const other = await stored(fresh(SOME), randomUUID());
      assert.match(first.sha256, /^[0-9a-f]{64}$/);
      assert.deepEqual([again.sha256, alone.sha256], [first.sha256, first.sha256]);
      assert.notEqual(other.sha256, first.sha256);
    });

    it("is not stored again", async () => {
      const page = randomBytes(4096);
      const repeated = Buffer.concat(Array.from({ length: 500 }, () => page));
      const once = await stored({ a: repeated });
      assert(once.storedBytes < 40_000, String(once.storedBytes));
      const shifted = Buffer.concat([randomBytes(4096), repeated]);
      const moved = await stored({ b: shifted }, randomUUID());
      assert(moved.storedBytes < 60_000, String(moved.storedBytes));
    });

    it("needs the space of what has changed, with a parent", async () => {
      const before = randomBytes(4_000_000);
      const full = await stored({ a: before });
      assert(full.storedBytes > 4_000_000);
      const after = Buffer.from(before);
      for (const page of [3, 400, 900]) randomBytes(4096).copy(after, page * 4096);
      const other = randomUUID();
      const delta = await stored({ a: after }, other, id);
      assert(delta.storedBytes < 20_000, String(delta.storedBytes));
      const same = await stored({ a: after }, randomUUID(), other);
      assert.equal(same.storedBytes, 0);
      assert.deepEqual(await read(), { a: before });
      assert.deepEqual(await read(other), { a: after });
    });

    it("comes back from a long chain of changes, growing and shrinking", async () => {
      const expected: { [backupId: string]: Files } = {};
      let content = randomBytes(400_000);
      let parent: string | null = null;
      for (let step = 0; step < links; step += 1) {
        const length = 300_000 + ((step * 7919) % 200_000);
        const next = Buffer.alloc(length, step);
        content.copy(next);
        randomBytes(4096).copy(next, ((step * 3) % 64) << 12);
        content = next;
        const one = randomUUID();
        expected[one] = { a: Buffer.from(content) };
        await stored(expected[one], one, parent);
        parent = one;
      }
      await assertHas(expected);
    });

    it("does without a parent that is gone, unknown or no id", async () => {
      const files = fresh(SOME);
      await stored(files);
      await store.remove(id);
      const expected = Object.fromEntries(
        [id, randomUUID(), "../evil"].map((parent) => [randomUUID(), parent]),
      );
      for (const [one, parent] of Object.entries(expected)) await stored(files, one, parent);
      await assertHas(Object.fromEntries(Object.keys(expected).map((one) => [one, files])));
    });
  });

  describe("removal", () => {
    it("makes a backup not exist, and can be repeated", async () => {
      await stored(fresh(SOME));
      const { freedBytes } = await store.remove(id);
      assert(freedBytes > 0);
      assert.deepEqual(await store.list(), []);
      assert.equal(await store.manifest(id), undefined);
      await assert.rejects(store.access(id), has("backup-not-found", NotFound));
      assert.deepEqual(await store.remove(id), { freedBytes: 0 });
      assert.deepEqual(await store.remove(randomUUID()), { freedBytes: 0 });
    });

    it("sweeps exactly what no backup needs, and says so before", async () => {
      const expected: { [backupId: string]: Files } = {};
      let content = randomBytes(1_000_000);
      let parent: string | null = null;
      for (let step = 0; step < Math.min(6, links); step += 1) {
        content = Buffer.from(content);
        randomBytes(40_960).copy(content, step * 81_920);
        const one = randomUUID();
        expected[one] = { a: content };
        await stored(expected[one], one, parent);
        parent = one;
      }
      assert.equal((await store.survey()).unneeded.objects, 0);
      for (const one of Object.keys(expected).slice(0, Math.min(6, links) - 1)) {
        await store.remove(one);
        delete expected[one];
        const survey = await store.survey();
        const swept = await store.sweep([]);
        assert.deepEqual(swept, {
          objects: survey.unneeded.objects,
          freedBytes: survey.unneeded.bytes,
        });
        await assertHas(expected);
      }
      const last = Object.keys(expected)[0]!;
      await store.remove(last);
      await store.sweep([]);
      const empty = await store.survey();
      assert.deepEqual([empty.backups, empty.unneeded.objects], [0, 0]);
    });

    it("sweeps what failed attempts have left", async () => {
      const files = fresh(SOME);
      await stored(files);
      await place.write(await store.begin(randomUUID(), null), fresh(SOME));
      store = await place.restart();
      assert((await store.sweep([])).freedBytes > SOME);
      assert.deepEqual(await store.sweep([]), { objects: 0, freedBytes: 0 });
      await assertHas({ [id]: files });
    });

    it("does not sweep while a backup is being written", async () => {
      const files = fresh(SOME);
      await stored(files);
      const other = randomUUID();
      const access = await store.begin(other, id);
      await store.remove(id);
      await assert.rejects(store.sweep([]), has("backup-store-busy", Unavailable));
      await store.publish(other, manifestOf(other, await place.write(access, files)));
      await store.sweep([]);
      await assertHas({ [other]: files });
    });

    it("keeps every backup whole while others are taken, removed and swept at once", async () => {
      const expected: { [backupId: string]: Files } = {};
      const base = randomBytes(200_000);
      let parent: string | null = null;
      const tolerant = async (work: () => Promise<unknown>): Promise<boolean> => {
        try {
          await work();
          return true;
        } catch (error) {
          if (error instanceof Unavailable && error.code === "backup-store-busy") return false;
          throw error;
        }
      };
      const take = async (step: number): Promise<void> => {
        const one = randomUUID();
        const a = Buffer.from(base);
        randomBytes(4096).copy(a, (step % 40) * 4096);
        const files = { a };
        if (!(await tolerant(() => stored(files, one, parent)))) return;
        expected[one] = files;
        parent = one;
      };
      for (let step = 0; step < 12; step += 1) {
        const victim = Object.keys(expected)[0];
        await Promise.all([
          take(step),
          take(step + 20),
          tolerant(() => store.sweep([])),
          step % 3 === 2 && victim !== undefined
            ? store.remove(victim).then(() => delete expected[victim])
            : undefined,
        ]);
      }
      await assertHas(expected);
    });
  });

  describe("scratch", () => {
    it("gives directories that are apart, and removes them", async () => {
      const [one, two] = await Promise.all([store.scratch("rehearse"), store.scratch("rehearse")]);
      assert.notEqual(one.path, two.path);
      await writeFile(join(one.path, "copy.db"), "abc");
      await one.dispose();
      await one.dispose();
      assert.equal(existsSync(one.path), false);
      assert.equal(existsSync(two.path), true);
      assert.deepEqual(await store.list(), []);
    });

    it("is empty after a restart", async () => {
      const { path } = await store.scratch("rehearse");
      await place.restart();
      assert.equal(existsSync(path), false);
    });
  });
}
