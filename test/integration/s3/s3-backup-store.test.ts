import { S3ObjectStore } from "../../../src/infra/s3/s3-object-store.ts";
import { TestBucket } from "../../support/s3/bucket.ts";
import { objectService, type ObjectService } from "../../support/s3/radosgw.ts";
import { TemporaryStore } from "../../support/temporary-store.ts";
import { itBehavesAsBackupStore } from "../contracts/backup-store.contract.ts";
import { itBehavesAsObjectStore } from "../contracts/object-store.contract.ts";

const isLong = process.env["SCHEMALEDGER_CHAOS"] === "long";

describe("a bucket", () => {
  let service: ObjectService;
  before(async function () {
    service = await objectService(this);
  });

  for (const lockable of [false, true])
    describe(lockable ? "with Object Lock, as S3ObjectStore" : "as S3ObjectStore", () => {
      itBehavesAsObjectStore(async () => {
        const bucket = await TestBucket.create(service, { lockable });
        const source = await bucket.source();
        return { open: () => new S3ObjectStore(source), dispose: () => bucket.dispose() };
      });
    });

  describe("as the place of PageBackupStore", () => {
    itBehavesAsBackupStore(
      async () => {
        const bucket = await TestBucket.create(service);
        const store = await TemporaryStore.create(undefined, await bucket.place());
        const dispose = async (): Promise<void> => {
          await store.dispose();
          await bucket.dispose();
        };
        return Object.assign(Object.create(store) as TemporaryStore, {
          open: () => store.open(),
          restart: () => store.restart(),
          write: store.write.bind(store),
          read: store.read.bind(store),
          dispose,
        });
      },
      isLong ? 19 : 4,
    );
  });
});
