import { randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import type { BackupPlace } from "../../../src/infra/page-store/backup-place.ts";
import { examineBucket } from "../../../src/infra/s3/s3-check.ts";
import { S3Place } from "../../../src/infra/s3/s3-place.ts";
import type {
  S3Credentials,
  S3Patience,
  S3Settings,
  S3Source,
} from "../../../src/infra/s3/s3-settings.ts";
import type { ObjectService } from "./radosgw.ts";

/** Tests of failures do not wait as long as a service does. */
export const IMPATIENT: S3Patience = {
  attempts: 3,
  connectMs: 3000,
  idleMs: 5000,
  attemptMs: 10_000,
};

/** Tests of waiting wait hardly at all. */
export const HASTY: S3Patience = { attempts: 2, connectMs: 1000, idleMs: 800, attemptMs: 1500 };

export interface BucketOptions {
  /** Object Lock is on. */
  readonly lockable?: boolean;
  /** In place of the service's own: a proxy. */
  readonly endpoint?: string;
  readonly prefix?: string;
  readonly patience?: S3Patience;
  readonly lock?: S3Settings["lock"];
  readonly credentials?: S3Credentials;
}

/** A bucket of one test. */
export class TestBucket {
  readonly service: ObjectService;
  readonly name: string;
  /** Without our own code between. */
  readonly client: S3Client;
  readonly directory: string;

  private constructor(service: ObjectService) {
    this.service = service;
    this.name = `test-${randomUUID()}`;
    this.client = new S3Client(configOf(service));
    this.directory = mkdtempSync(join(tmpdir(), "schemaledger-s3-"));
  }

  static async create(service: ObjectService, { lockable = false } = {}): Promise<TestBucket> {
    const bucket = new TestBucket(service);
    await bucket.client.send(
      new CreateBucketCommand({ Bucket: bucket.name, ObjectLockEnabledForBucket: lockable }),
    );
    return bucket;
  }

  settings({ endpoint, prefix = "ledgers/one", patience, lock }: BucketOptions = {}): S3Settings {
    return {
      bucket: this.name,
      prefix,
      endpoint: endpoint ?? this.service.endpoint,
      region: "us-east-1",
      pathStyle: true,
      ...(patience === undefined ? {} : { patience }),
      ...(lock === undefined ? {} : { lock }),
    };
  }

  get keys(): S3Credentials {
    const { accessKeyId, secretAccessKey } = this.service;
    return { accessKeyId, secretAccessKey };
  }

  /** As a service finds it when it starts. The bucket is tried out past any proxy. */
  async source(options: BucketOptions = {}): Promise<S3Source> {
    const { endpoint: _, ...direct } = options;
    const { abilities } = await examineBucket(this.settings(direct), this.keys);
    const keys = options.credentials ?? this.keys;
    return {
      settings: this.settings(options),
      abilities,
      credentials: () => Promise.resolve(keys),
    };
  }

  async place(options: BucketOptions = {}): Promise<BackupPlace> {
    const scratch = join(this.directory, "data", "backups", "scratch");
    return new S3Place(await this.source(options), scratch);
  }

  async dispose(): Promise<void> {
    this.client.destroy();
    await rm(this.directory, { recursive: true, force: true });
  }
}

const configOf = ({ endpoint, accessKeyId, secretAccessKey }: ObjectService): S3ClientConfig => ({
  endpoint,
  region: "us-east-1",
  forcePathStyle: true,
  credentials: { accessKeyId, secretAccessKey },
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
});
