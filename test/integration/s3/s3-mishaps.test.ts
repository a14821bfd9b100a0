import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ListMultipartUploadsCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import type { BackupStore, StoreAccess } from "../../../src/domain/backup/backup-store.ts";
import { DomainError } from "../../../src/domain/shared/errors.ts";
import { storeFilesApart } from "../../../src/infra/page-store/packer.ts";
import { examineBucket } from "../../../src/infra/s3/s3-check.ts";
import { S3ObjectStore } from "../../../src/infra/s3/s3-object-store.ts";
import { S3Place } from "../../../src/infra/s3/s3-place.ts";
import type { S3Credentials } from "../../../src/infra/s3/s3-settings.ts";
import { manifestOf } from "../../support/backups.ts";
import { HASTY, IMPATIENT, TestBucket } from "../../support/s3/bucket.ts";
import { MishapProxy, type Asked, type Mishap } from "../../support/s3/proxy.ts";
import { objectService, type ObjectService } from "../../support/s3/radosgw.ts";
import { TemporaryStore } from "../../support/temporary-store.ts";
import type { Files } from "../contracts/backup-store.contract.ts";

/** Told so that somebody knows what to do. */
const tells = (code: string) => (error: unknown) => {
  assert(error instanceof DomainError, String(error));
  assert.equal(error.code, code, `${error.message} ${JSON.stringify(error.details)}`);
  assert.notEqual(error.hint, undefined);
  return true;
};

const isPut = ({ method }: Asked): boolean => method === "PUT";
const isListing = ({ url }: Asked): boolean => url.includes("list-type=2");
const isPack = ({ url }: Asked): boolean => url.includes("/packs/");
const isReadOfPack = (asked: Asked): boolean => asked.method === "GET" && isPack(asked);

describe("a bucket behind a bad line", () => {
  let service: ObjectService;
  let bucket: TestBucket;
  let proxy: MishapProxy;
  let place: TemporaryStore;
  let store: BackupStore;
  /** Acknowledged before anything went wrong. */
  let kept: string;
  const files: Files = { "snapshot.sqlite": randomBytes(300_000) };

  before(async function () {
    service = await objectService(this);
  });
  beforeEach(async () => {
    bucket = await TestBucket.create(service);
    proxy = await MishapProxy.before(service);
    const options = { endpoint: proxy.endpoint, patience: IMPATIENT };
    place = await TemporaryStore.create(undefined, await bucket.place(options));
    store = await place.open();
    kept = randomUUID();
    await backUp(kept, files);
    proxy.asked.length = 0;
  });
  afterEach(async () => {
    proxy.rule = () => undefined;
    await proxy.close();
    await place.dispose();
    await bucket.dispose();
  });

  async function backUp(id: string, content: Files): Promise<void> {
    try {
      const stored = await place.write(await store.begin(id, null), content);
      await store.publish(id, manifestOf(id, stored));
    } catch (error) {
      await store.discard(id);
      throw error;
    }
  }

  const read = async (id = kept): Promise<Files> => place.read(await store.access(id));

  /** Whatever happened: what was acknowledged is there, and nothing else. */
  async function assertKept(others: { readonly [id: string]: Files } = {}): Promise<void> {
    proxy.rule = () => undefined;
    for (const one of [store, await place.restart()]) {
      assert.deepEqual(await one.list(), [kept, ...Object.keys(others)].toSorted());
      await one.sweep([]);
    }
    for (const [id, content] of Object.entries({ [kept]: files, ...others }))
      assert.deepEqual(await read(id), content);
  }

  /** The first `times` of the requests that `which` tells. */
  function first(times: number, which: (asked: Asked) => boolean, mishap: Mishap): void {
    let left = times;
    proxy.rule = (asked) => (which(asked) && left-- > 0 ? mishap : undefined);
  }

  const content = (): Files => ({ "snapshot.sqlite": randomBytes(200_000) });

  it("is asked again when it is overloaded, and given up in the end", async () => {
    const id = randomUUID();
    const other = content();
    first(2, isPut, { kind: "answer", status: 503, code: "SlowDown" });
    await backUp(id, other);
    assert(proxy.asked.filter(isPut).some(({ before }) => before === 2));
    first(Infinity, isPut, { kind: "answer", status: 503, code: "SlowDown" });
    await assert.rejects(backUp(randomUUID(), content()), tells("bucket-unreachable"));
    await assertKept({ [id]: other });
  });

  it("takes an upload whose connection breaks, wherever it does", async () => {
    const others: { [id: string]: Files } = {};
    for (const after of [0, 1, 60_000, 190_000]) {
      const id = randomUUID();
      others[id] = content();
      first(1, (asked) => isPut(asked) && isPack(asked), { kind: "cut-request", after });
      await backUp(id, others[id]);
    }
    first(Infinity, isPut, { kind: "cut-request", after: 60_000 });
    await assert.rejects(backUp(randomUUID(), content()), tells("bucket-unreachable"));
    await assertKept(others);
  });

  it("knows its own object when the answer to a put was lost", async () => {
    const id = randomUUID();
    const other = content();
    first(1, ({ method, url }) => method === "PUT" && url.includes("/manifests/"), {
      kind: "lose-answer",
    });
    await backUp(id, other);
    await assertKept({ [id]: other });
  });

  it("is read again when an answer breaks off; that is no damage", async () => {
    for (const after of [0, 5000]) {
      first(2, isReadOfPack, { kind: "cut-answer", after });
      assert.deepEqual(await read(), files);
    }
    first(Infinity, isReadOfPack, { kind: "cut-answer", after: 5000 });
    await assert.rejects(read(), tells("bucket-unreachable"));
    await assertKept();
    assert.deepEqual(await new S3ObjectStore(await bucket.source()).list("damaged"), []);
  });

  it("is read again when a bit has changed on the way; twice is damage, and never verified", async () => {
    const which: [string, (asked: Asked) => boolean][] = [
      ["pack", isReadOfPack],
      ["list", ({ method, url }) => method === "GET" && url.includes("/lists/")],
      ["manifest", ({ method, url }) => method === "GET" && url.includes("/manifests/")],
    ];
    for (const [what, isRead] of which)
      for (const at of [0, 9, 30, 46, 100]) {
        first(1, isRead, { kind: "flip-bit", at });
        assert.deepEqual(await read(), files, `${what} ${at}`);
      }
    for (const [what, isRead] of which.slice(0, 2)) {
      first(Infinity, isRead, { kind: "flip-bit", at: 60 });
      await assert.rejects(read(), tells("backup-damaged"), what);
    }
    proxy.rule = () => undefined;
    const marked = await new S3ObjectStore(await bucket.source()).list("damaged");
    assert.equal(marked.length, 1);
    // What is marked is not relied on any more.
    const again = randomUUID();
    await backUp(again, files);
    assert.deepEqual(await read(again), files);
  });

  it("takes empty answers and empty objects for what they are", async () => {
    first(1, isReadOfPack, { kind: "empty-answer" });
    assert.deepEqual(await read(), files);
    const objects = new S3ObjectStore(await bucket.source());
    for (const folder of ["packs", "lists"]) {
      const [name] = await objects.list(folder);
      const whole = (await objects.get(`${folder}/${name!}`))!;
      const Key = `ledgers/one/${folder}/${name!}`;
      const Bucket = bucket.name;
      await bucket.client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(0) }));
      await assert.rejects(read(), tells("backup-damaged"));
      await bucket.client.send(new PutObjectCommand({ Bucket, Key, Body: whole }));
    }
    const [manifest] = await objects.list("manifests");
    const Key = `ledgers/one/manifests/${manifest!}`;
    const place0 = { Bucket: bucket.name, Key };
    const whole = (await objects.get(`manifests/${manifest!}`))!;
    await bucket.client.send(new PutObjectCommand({ ...place0, Body: Buffer.alloc(0) }));
    await assert.rejects(store.manifest(kept), tells("backup-manifest-damaged"));
    // Nobody knows what it needs: nothing goes.
    await assert.rejects(store.sweep([]), tells("backup-damaged"));
    await bucket.client.send(new PutObjectCommand({ ...place0, Body: whole }));
    await assertKept();
  });

  it("does not lose what it lists late", async () => {
    const [old, fresh] = [randomUUID(), randomUUID()];
    const shared = content();
    await backUp(old, shared);
    // Of the same pages: the packs are old, the manifest is new.
    await backUp(fresh, shared);
    const isHidden = (key: string): boolean => key.endsWith(fresh) || key.includes("/begun/");
    proxy.rule = (asked) => (isListing(asked) ? { kind: "hide", isHidden } : undefined);
    await store.remove(old);
    await store.sweep([]);
    assert.deepEqual(await read(fresh), shared);
    // After a restart the ledger knows it.
    store = await place.restart();
    await store.sweep([fresh]);
    assert.deepEqual(await read(fresh), shared);
    // A backup that is being written is not listed either.
    const writing = randomUUID();
    const access = await store.begin(writing, null);
    await assert.rejects(store.sweep([fresh]), tells("backup-store-busy"));
    const more = content();
    await store.publish(writing, manifestOf(writing, await place.write(access, more)));
    await assertKept({ [fresh]: shared, [writing]: more });
  });

  it("is given up in bounded time when it is slow or silent", async () => {
    const hasty = await bucket.place({ endpoint: proxy.endpoint, patience: HASTY });
    const other = await TemporaryStore.create(undefined, hasty);
    const wait = async (): Promise<Files> => other.read(await (await other.open()).access(kept));
    for (const kind of ["drip", "hang"] as const) {
      const began = performance.now();
      first(Infinity, isReadOfPack, { kind });
      await assert.rejects(wait(), tells("bucket-unreachable"));
      assert(performance.now() - began < 20_000);
    }
    first(1, isReadOfPack, { kind: "hang" });
    assert.deepEqual(await wait(), files);
    await other.dispose();
    await assertKept();
  });

  it("gives up what is left of uploads in parts", async () => {
    const through = { endpoint: proxy.endpoint, patience: IMPATIENT };
    const objects = new S3ObjectStore(await bucket.source(through), 5 << 20);
    const large = [randomBytes(1000), randomBytes(6 << 20), randomBytes(5 << 20)];
    const uploads = async (): Promise<number> => {
      const asked = new ListMultipartUploadsCommand({ Bucket: bucket.name });
      return (await bucket.client.send(asked)).Uploads?.length ?? 0;
    };
    assert.equal(await objects.put("lists/whole", large), true);
    assert.equal(await objects.put("lists/whole", large), false);
    assert.deepEqual(await objects.get("lists/whole"), Buffer.concat(large));
    const isPart = ({ url }: Asked): boolean => url.includes("partNumber=2");
    first(1, isPart, { kind: "cut-request", after: 1 << 20 });
    assert.equal(await objects.put("lists/again", large), true);
    assert.deepEqual(await objects.get("lists/again"), Buffer.concat(large));
    // The answer to the last request is lost: it was put together all the same.
    first(1, ({ method, url }) => method === "POST" && url.includes("uploadId="), {
      kind: "lose-answer",
    });
    assert.equal(await objects.put("lists/lost", large), true);
    // Refused for good: nothing is left.
    first(Infinity, isPart, { kind: "answer", status: 503, code: "SlowDown" });
    await assert.rejects(objects.put("lists/no", large), tells("bucket-unreachable"));
    assert.deepEqual([await objects.size("lists/no"), await uploads()], [undefined, 0]);
    // Nothing gets through any more, as when the process dies.
    proxy.rule = ({ method, url }) =>
      isPart({ method, url, before: 0 }) || method === "DELETE" ? { kind: "hang" } : undefined;
    const hasty = await bucket.source({ ...through, patience: HASTY });
    await assert.rejects(new S3ObjectStore(hasty, 5 << 20).put("lists/dead", large));
    assert.equal(await uploads(), 1);
    proxy.rule = () => undefined;
    await objects.clean(["lists"]);
    assert.deepEqual([await objects.size("lists/dead"), await uploads()], [undefined, 0]);
  });

  it("loses nothing when the process that puts into it is killed, whenever that is", async () => {
    const path = join(place.directory, "source");
    await writeFile(path, randomBytes(17_000_000));
    const sources = [{ name: "a", path, bytes: 17_000_000, withoutWal: false }];
    const pack = (access: StoreAccess, stop = new AbortController(), at = Infinity) =>
      storeFilesApart({
        access,
        files: sources,
        onProgress: (fraction) => {
          if (fraction >= at) stop.abort(new Error("killed"));
        },
        signal: stop.signal,
      });
    for (const at of [0, 0.5]) {
      const id = randomUUID();
      const access = await store.begin(id, kept);
      await assert.rejects(pack(access, new AbortController(), at), /killed/);
      await store.discard(id);
    }
    const id = randomUUID();
    const stored = await pack(await store.begin(id, kept));
    await store.publish(id, manifestOf(id, stored));
    await assertKept({ [id]: { a: await readFile(path) } });
  });

  it("is told from one whose clock differs", async () => {
    const now = Date.now;
    const ahead = 3 * 3_600_000;
    Date.now = () => now() + ahead;
    try {
      // The service says what time it is.
      assert.deepEqual(await read(), files);
      proxy.rule = () => ({ kind: "no-date" });
      const settings = bucket.settings({ endpoint: proxy.endpoint, patience: IMPATIENT });
      await assert.rejects(examineBucket(settings, bucket.keys), tells("bucket-clock-skewed"));
    } finally {
      Date.now = now;
    }
    await assertKept();
  });

  it("is told from one that does not take the access keys any more", async () => {
    const revoked = { ...bucket.keys, secretAccessKey: "revoked" };
    const cases: [S3Credentials, string][] = [
      [revoked, "bucket-credentials-wrong"],
      [{ accessKeyId: "NOBODY", secretAccessKey: "x" }, "bucket-credentials-wrong"],
      [service.stranger, "bucket-access-denied"],
    ];
    for (const [credentials, code] of cases) {
      const source = await bucket.source({ credentials, patience: IMPATIENT });
      const other = await TemporaryStore.create(
        undefined,
        new S3Place(source, `${place.directory}/s`),
      );
      const theirs = await other.open();
      await assert.rejects(theirs.list(), tells(code));
      await assert.rejects(theirs.manifest(kept), tells(code));
      await assert.rejects(theirs.begin(randomUUID(), null), tells(code));
      await assert.rejects(theirs.remove(kept), tells(code));
      await assert.rejects(theirs.sweep([]), tells(code));
      await other.dispose();
    }
    await assertKept();
  });
});
