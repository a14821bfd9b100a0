import { PutObjectCommand } from "@aws-sdk/client-s3";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreAccess } from "../../src/domain/backup/backup-store.ts";
import { PageBackupStore } from "../../src/infra/page-store/page-backup-store.ts";
import { storeFilesApart } from "../../src/infra/page-store/packer.ts";
import { fetchContent } from "../../src/infra/page-store/store-access.ts";
import { manifestOf } from "../support/backups.ts";
import { TestBucket } from "../support/s3/bucket.ts";
import { objectService } from "../support/s3/radosgw.ts";
import { median } from "./support.ts";

// A backup into a bucket of Ceph's gateway on this machine, against putting the same bytes there with the
// client alone: one by one in pieces of 4 MiB, and four at once; in each round, in turn. Random bytes: nothing
// is saved by compression. Shares of the client's speed: more is better.
// node dist/test/bench/s3-backup.js [MiB] [rounds]

const MIB = Number(process.argv[2] ?? 256);
const ROUNDS = Number(process.argv[3] ?? 3);
const PIECE = 4 << 20;

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-s3-"));
const path = join(directory, "content");
const never = new AbortController().signal;

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

const service = await objectService({
  skip: () => process.exit(1),
} as unknown as Mocha.Context);
const bucket = await TestBucket.create(service);
const store = new PageBackupStore(await bucket.place());

async function raw(atOnce: number): Promise<void> {
  const pieces = Array.from({ length: (MIB << 20) / PIECE }, (_, n) => n).values();
  const put = async (): Promise<void> => {
    const content = readFileSync(path);
    for (const n of pieces)
      await bucket.client.send(
        new PutObjectCommand({
          Bucket: bucket.name,
          Key: `raw/${randomUUID()}`,
          Body: content.subarray(n * PIECE, (n + 1) * PIECE),
        }),
      );
  };
  await Promise.all(Array.from({ length: atOnce }, put));
}

let access: StoreAccess;
async function backUp(): Promise<void> {
  const id = randomUUID();
  const files = [{ name: "content", path, bytes: MIB << 20, withoutWal: false }];
  const written = await store.begin(id, null);
  const content = await storeFilesApart({
    access: written,
    files,
    onProgress: () => {},
    signal: never,
  });
  await store.publish(id, manifestOf(id, content));
  access = await store.access(id);
}

async function restore(): Promise<void> {
  const to = mkdtempSync(join(directory, "restored-"));
  await fetchContent(access, to);
  rmSync(to, { recursive: true });
}

const found: { one: number[]; four: number[]; backup: number[]; restore: number[] } = {
  one: [],
  four: [],
  backup: [],
  restore: [],
};
for (let round = 0; round < ROUNDS; round += 1) {
  // Other bytes each time, or there would be nothing to store.
  writeFileSync(path, randomBytes(MIB << 20));
  found.one.push(await seconds(() => raw(1)));
  found.four.push(await seconds(() => raw(4)));
  found.backup.push(await seconds(backUp));
  found.restore.push(await seconds(restore));
}
const rows = Object.entries(found).map(([what, times]) => {
  const share = (floor: number[]): string =>
    median(times.map((time, n) => floor[n]! / time)).toFixed(2);
  return {
    what,
    "median s": median(times).toFixed(2),
    "MiB/s": (MIB / median(times)).toFixed(0),
    "of raw, one by one": share(found.one),
    "of raw, four at once": share(found.four),
  };
});
console.table(rows);
rmSync(directory, { recursive: true });
await bucket.dispose();
process.exit(0);
