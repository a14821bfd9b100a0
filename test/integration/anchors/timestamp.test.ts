import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkTimestamp, requestTimestamp } from "../../../src/infra/anchors/timestamp-client.ts";
import { digest } from "../../support/digest.ts";
import { hasOpenssl, TimeAuthorityServer } from "../../support/time-authority.ts";

const TEXT = digest.utf8("a signed checkpoint\n");

describe("time stamps (RFC 3161)", function () {
  this.timeout(30_000);
  let directory: string;
  let authority: TimeAuthorityServer;
  let url: string;
  before(async function () {
    if (!hasOpenssl()) return this.skip();
    directory = mkdtempSync(join(tmpdir(), "schemaledger-tsa-"));
    authority = new TimeAuthorityServer(directory);
    url = await authority.listen();
  });
  after(async () => {
    await authority?.close();
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });

  const pem = (name: string): string => readFileSync(join(directory, name), "utf8");
  const ask = (certificates = pem("chain.pem"), text = TEXT) =>
    requestTimestamp({ url, certificates }, text, digest);

  it("are asked for, checked, and checked by openssl, too", async () => {
    for (const certificates of [pem("chain.pem"), pem("tsa.pem")]) {
      const { response, time } = await ask(certificates);
      assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, time);
      assert.equal(await checkTimestamp(certificates, TEXT, response), time);
      writeFileSync(join(directory, "r.tsr"), response);
      writeFileSync(join(directory, "text"), TEXT);
      const args = "ts -verify -in r.tsr -data text -CAfile ca.pem -untrusted tsa.pem".split(" ");
      assert.equal(spawnSync("openssl", args, { cwd: directory }).status, 0);
    }
  });

  it("are refused for another text, by another signer, or when changed", async () => {
    const { response } = await ask();
    const wrong = { code: "timestamp-wrong" };
    await assert.rejects(checkTimestamp(pem("chain.pem"), digest.utf8("other"), response), wrong);
    await assert.rejects(checkTimestamp(pem("other.pem"), TEXT, response), wrong);
    await assert.rejects(checkTimestamp("", TEXT, response), wrong);
    await assert.rejects(checkTimestamp(pem("tsa.pem") + pem("other.pem"), TEXT, response), wrong);
    const changed = Uint8Array.from(response);
    changed[changed.length - 9]! ^= 1;
    await assert.rejects(checkTimestamp(pem("chain.pem"), TEXT, changed), wrong);
    await assert.rejects(checkTimestamp(pem("chain.pem"), TEXT, new Uint8Array(3)), wrong);
  });

  it("are refused when they answer another request", async () => {
    await ask();
    authority.replay = authority.last;
    try {
      await assert.rejects(ask(), { code: "timestamp-wrong" });
    } finally {
      authority.replay = undefined;
    }
  });

  it("are missed without harm when nobody answers", async () => {
    const address = { url: "http://127.0.0.1:1/", certificates: pem("tsa.pem") };
    await assert.rejects(requestTimestamp(address, TEXT, digest), {
      code: "timestamp-unreachable",
    });
  });
});
