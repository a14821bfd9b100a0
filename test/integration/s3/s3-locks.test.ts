import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { HeadObjectCommand, ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import { manifestOf } from "../../support/backups.ts";
import { TestBucket, type BucketOptions } from "../../support/s3/bucket.ts";
import { objectService, type ObjectService } from "../../support/s3/radosgw.ts";
import { TemporaryStore } from "../../support/temporary-store.ts";
import type { Files } from "../contracts/backup-store.contract.ts";

const DAY_MS = 86_400_000;
const files: Files = { "snapshot.sqlite": randomBytes(300_000) };

describe("backups in a bucket with Object Lock", () => {
  let service: ObjectService;
  let bucket: TestBucket;
  const places: TemporaryStore[] = [];

  before(async function () {
    service = await objectService(this);
  });
  beforeEach(async () => {
    bucket = await TestBucket.create(service, { lockable: true });
  });
  afterEach(async () => {
    for (const place of places.splice(0)) await place.dispose();
    await bucket.dispose();
  });

  async function open(options: BucketOptions = {}): Promise<TemporaryStore> {
    const place = await TemporaryStore.create(undefined, await bucket.place(options));
    places.push(place);
    return place;
  }

  async function backUp(place: TemporaryStore, parent: string | null = null): Promise<string> {
    const id = randomUUID();
    const store = await place.open();
    const stored = await place.write(await store.begin(id, parent), files);
    await store.publish(id, manifestOf(id, stored));
    return id;
  }

  /** Everything that ever was under these names. */
  async function versions(folder = ""): Promise<string[]> {
    const { Versions = [], DeleteMarkers = [] } = await bucket.client.send(
      new ListObjectVersionsCommand({ Bucket: bucket.name, Prefix: `ledgers/one/${folder}` }),
    );
    return [...Versions, ...DeleteMarkers].map(({ Key }) => Key!.slice("ledgers/one/".length));
  }

  const head = (name: string) =>
    bucket.client.send(new HeadObjectCommand({ Bucket: bucket.name, Key: `ledgers/one/${name}` }));

  const isLocked = (error: Error & { code?: string; details?: { until?: unknown } }): boolean => {
    assert.equal(error.code, "backup-locked", error.message);
    return true;
  };

  it("are really gone when they are removed, and leave no marks, where nothing is locked", async () => {
    const place = await open();
    const store = await place.open();
    const id = await backUp(place);
    await store.remove(id);
    await store.sweep([]);
    assert.deepEqual(await versions(), []);
  });

  it("cannot be removed before their time, and are whole until then", async () => {
    const place = await open({ lock: { mode: "COMPLIANCE", days: 1 } });
    const id = await backUp(place);
    const locked = (await versions()).filter((name) => /^(packs|lists|manifests)\//.test(name));
    assert.equal(locked.length, 3);
    for (const name of locked) {
      const { ObjectLockMode, ObjectLockRetainUntilDate } = await head(name);
      assert.equal(ObjectLockMode, "COMPLIANCE");
      assert(ObjectLockRetainUntilDate!.getTime() > Date.now() + DAY_MS);
    }
    const store = await place.open();
    await assert.rejects(store.remove(id), isLocked);
    assert.deepEqual(await store.list(), [id]);
    // What nobody needs, but is locked, stays for a later sweep.
    const other = randomUUID();
    await place.write(await store.begin(other, null), { a: randomBytes(9000) });
    await store.discard(other);
    assert.deepEqual(await store.sweep([]), { objects: 0, freedBytes: 0 });
    assert.deepEqual(await place.read(await store.access(id)), files);
    assert.deepEqual(await versions("begun/"), []);
  });

  it("lock anew what they share with older ones", async () => {
    const first = await backUp(await open({ lock: { mode: "GOVERNANCE", days: 1 } }));
    const before = await Promise.all((await versions("packs/")).map(head));
    const later = await open({ lock: { mode: "GOVERNANCE", days: 30 } });
    const id = await backUp(later, first);
    const packs = await versions("packs/");
    assert.equal(packs.length, before.length, "the same pages are not stored again");
    for (const name of [...packs, `manifests/${id}`]) {
      const { ObjectLockRetainUntilDate } = await head(name);
      assert(ObjectLockRetainUntilDate!.getTime() > Date.now() + 29 * DAY_MS, name);
    }
  });

  it("are held until they are released, with what others need", async () => {
    const place = await open();
    const store = await place.open();
    const held = await backUp(place);
    const other = await backUp(place, held);
    await store.hold([held, other]);
    for (const name of await versions("packs/"))
      assert.equal((await head(name)).ObjectLockLegalHoldStatus, "ON");
    await assert.rejects(store.remove(held), isLocked);
    // The pages are shared: they stay held for the other one.
    await store.release([other], [held]);
    assert.notEqual((await head(`manifests/${other}`)).ObjectLockLegalHoldStatus, "ON");
    for (const name of await versions("packs/"))
      assert.equal((await head(name)).ObjectLockLegalHoldStatus, "ON");
    await store.remove(other);
    await store.sweep([]);
    assert.deepEqual(await place.read(await store.access(held)), files);
    await store.release([held], []);
    await store.remove(held);
    await store.sweep([]);
    assert.deepEqual(await versions(), []);
  });
});
