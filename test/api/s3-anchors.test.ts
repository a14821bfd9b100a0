import assert from "node:assert/strict";
import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { TestBucket } from "../support/s3/bucket.ts";
import { objectService } from "../support/s3/radosgw.ts";
import { TestService } from "../support/service.ts";

describe("a ledger whose anchor is a bucket", () => {
  let bucket: TestBucket;
  let service: TestService;

  before(async function () {
    bucket = await TestBucket.create(await objectService(this));
    service = await TestService.start();
  });
  after(async () => {
    await service?.stop();
    await bucket?.dispose();
  });

  /** Events in the checkpoint that was published last. */
  async function published(): Promise<number> {
    const asked = new GetObjectCommand({ Bucket: bucket.name, Key: "audit/log/checkpoint" });
    const found = await bucket.client.send(asked).catch(() => undefined);
    return Number((await found?.Body?.transformToString())?.split("\n")[1] ?? 0);
  }

  async function untilPublished(size: number): Promise<void> {
    for (let tries = 0; (await published()) < size; tries += 1) {
      assert(tries < 300, `${await published()} of ${size}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  const size = async (): Promise<number> =>
    (await service.get("/v1/audit/events?limit=1&order=desc")).body.items[0].index + 1;

  function copyLedger(from: string, to: string): void {
    for (const name of readdirSync(from))
      if (/^(ledger|checkpoint|projection|tiles)/.test(name))
        cpSync(join(from, name), join(to, name), { recursive: true });
  }

  it("publishes there, and refuses to go on from an older state", async () => {
    const { accessKeyId, secretAccessKey } = bucket.keys;
    const lines = `aws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`;
    writeFileSync(join(service.data, "audit.keys"), lines, { mode: 0o600 });
    const how = `endpoint=${bucket.service.endpoint} credentials=audit.keys`;
    const anchors = `export s3://${bucket.name}/audit/log ${how}\npublish-every 0.05\n`;
    writeFileSync(join(service.data, "anchors.conf"), anchors);
    await service.restart();
    await service.register("one");
    await untilPublished(await size());
    await service.halt();
    const older = join(service.directory, "older");
    copyLedger(service.data, older);
    await service.restart();
    await service.register("two");
    await untilPublished(await size());
    await service.halt();
    for (const name of readdirSync(service.data))
      if (/^(ledger|checkpoint|projection|tiles)/.test(name))
        rmSync(join(service.data, name), { recursive: true });
    copyLedger(older, service.data);
    await assert.rejects(service.restart(), { code: "ledger-rolled-back" });
    for (const wrong of ["speed=fast", "endpoint=ftp://x", "lock=1", "log_only"]) {
      writeFileSync(join(service.data, "anchors.conf"), `export s3://${bucket.name}/x ${wrong}\n`);
      await assert.rejects(service.restart(), { code: "anchors-file-wrong" }, wrong);
    }
  });
});
