import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { parseVerifierKey } from "../../../src/domain/ledger/verifier-key.ts";
import type { StoredEntry } from "../../../src/domain/ledger/transparency-log.ts";
import { LogExport, type Exported } from "../../../src/infra/log-export/log-export.ts";
import { S3ExportPlace } from "../../../src/infra/s3/s3-export-place.ts";
import { digest } from "../../support/digest.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { ROOT } from "../../support/repository.ts";
import { TestBucket, type BucketOptions } from "../../support/s3/bucket.ts";
import { objectService, type ObjectService } from "../../support/s3/radosgw.ts";
import { sampleEntries, sampleEntry } from "../../support/sample-log.ts";
import { SIGNER } from "../../support/sqlite-ledger.ts";

const PREFIX = "logs/one";

describe("exporting the log to a bucket", () => {
  let service: ObjectService;
  let bucket: TestBucket;

  before(async function () {
    service = await objectService(this);
  });
  afterEach(() => bucket.dispose());

  async function target(options: BucketOptions = {}) {
    const place = new S3ExportPlace(await bucket.source({ prefix: PREFIX, ...options }));
    const keys = [parseVerifierKey(digest, SIGNER.verifierKey)];
    return (entries: readonly StoredEntry[]) => {
      const content = () => Promise.resolve(undefined);
      const log = new MemoryLog(entries);
      return { log, export: new LogExport(place, { log, content, digest, keys: () => keys }) };
    };
  }

  async function write(
    entries: readonly StoredEntry[],
    options: BucketOptions = {},
  ): Promise<Exported> {
    const { log, export: made } = (await target(options))(entries);
    return made.run(await log.checkpoint(SIGNER), [SIGNER.verifierKey]);
  }

  async function names(): Promise<string[]> {
    const asked = new ListObjectsV2Command({ Bucket: bucket.name, Prefix: `${PREFIX}/` });
    const { Contents = [] } = await bucket.client.send(asked);
    return Contents.map(({ Key }) => Key!.slice(PREFIX.length + 1));
  }

  const object = (name: string) => ({ Bucket: bucket.name, Key: `${PREFIX}/${name}` });

  async function bytes(name: string): Promise<Uint8Array> {
    const { Body } = await bucket.client.send(new GetObjectCommand(object(name)));
    return Body!.transformToByteArray();
  }

  /** A copy of it on disk, for the program that has nothing of ours. */
  async function verified(): Promise<string> {
    const copy = join(bucket.directory, "copy");
    for (const name of await names()) {
      mkdirSync(dirname(join(copy, name)), { recursive: true });
      writeFileSync(join(copy, name), await bytes(name));
    }
    return execFileSync(process.execPath, [join(ROOT, "verifier/verify.js"), copy], {
      encoding: "utf8",
    });
  }

  it("makes a complete log, and adds only what is new", async () => {
    bucket = await TestBucket.create(service);
    const entries = sampleEntries(600);
    for (const [size, from] of [
      [200, 0],
      [300, 200],
      [300, 300],
      [600, 300],
    ] as const) {
      const exported = await write(entries.slice(0, size));
      assert.deepEqual([exported.size, exported.from], [size, from]);
      if (size === from) assert.equal(exported.files, 0);
    }
    const found = await names();
    assert.deepEqual(
      found.filter((name) => name.startsWith("checkpoints/")),
      [200, 300, 600].map((size) => `checkpoints/${String(size).padStart(15, "0")}`),
    );
    assert(!found.some((name) => name.startsWith("tile/entries/001.p/")), "partials are gone");
    assert.match(await verified(), /ok\n$/);
  });

  it("does not go on with another history, whatever the checkpoint is replaced by", async () => {
    bucket = await TestBucket.create(service);
    const entries = sampleEntries(300);
    await write(entries.slice(0, 100));
    const older = await bytes("checkpoint");
    await write(entries);
    const forked = [
      ...entries.slice(0, 250),
      ...Array.from({ length: 60 }, (_, n) => sampleEntry(250 + n, { id: `other-${n}` })),
    ];
    await assert.rejects(write(forked), { code: "export-forked" });
    await assert.rejects(write(entries.slice(0, 200)), { code: "export-forked" });
    // Rolled back by somebody: those that were kept say more.
    await bucket.client.send(new PutObjectCommand({ ...object("checkpoint"), Body: older }));
    const { export: made } = (await target())(entries);
    assert.equal((await made.head())?.size, 300);
    await assert.rejects(write(entries.slice(0, 200)), { code: "export-forked" });
    await bucket.client.send(new PutObjectCommand({ ...object("checkpoint"), Body: "nonsense" }));
    await assert.rejects(made.head(), { code: "export-foreign" });
  });

  it("is kept from everybody's hands where the bucket can", async () => {
    bucket = await TestBucket.create(service, { lockable: true });
    const lock = { mode: "COMPLIANCE", days: 1 } as const;
    const entries = sampleEntries(300);
    await write(entries.slice(0, 100), { lock });
    await write(entries, { lock });
    const name = `checkpoints/${String(100).padStart(15, "0")}`;
    const listed = new ListObjectVersionsCommand({
      Bucket: bucket.name,
      Prefix: `${PREFIX}/${name}`,
    });
    const [version] = (await bucket.client.send(listed)).Versions ?? [];
    const { VersionId } = version!;
    await assert.rejects(
      bucket.client.send(new DeleteObjectCommand({ ...object(name), VersionId })),
      { name: "AccessDenied" },
    );
    // Partial tiles are locked as well, and stay.
    assert((await names()).includes("tile/entries/000.p/100"));
    assert.match(await verified(), /ok\n$/);
  });
});
