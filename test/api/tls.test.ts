import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { TestService } from "../support/service.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

describe("a service with a certificate", () => {
  let directory: string;
  let service: TestService;
  const file = (name: string): string => join(directory, name);

  before(async function () {
    if (!hasOpenssl) this.skip();
    directory = await mkdtemp(join(tmpdir(), "schemaledger-tls-"));
    for (const name of ["first", "second"]) certificate(name);
    await copyFile(file("first.crt"), file("tls.crt"));
    await copyFile(file("first.key"), file("tls.key"));
    service = await TestService.start(
      { tlsCert: file("tls.crt"), tlsKey: file("tls.key") },
      undefined,
      { patience: { certificateMs: 30, headersMs: 300 } },
    );
  });
  after(async () => {
    if (!hasOpenssl) return;
    await service.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const certificate = (name: string): void => {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
    const out = ["-keyout", file(`${name}.key`), "-out", file(`${name}.crt`)];
    execFileSync("openssl", ["req", "-x509", "-days", "2", ...key, ...subject, ...out], {
      stdio: "ignore",
    });
  };

  /** The status, and whose certificate was shown. */
  async function get(more: object = {}): Promise<{ status: number; name: string }> {
    const ca = await Promise.all(["first.crt", "second.crt"].map((name) => readFile(file(name))));
    return new Promise((resolve, reject) => {
      const sent = request(`${service.url}/livez`, { ca, agent: false, ...more }, (response) => {
        const { subject } = (response.socket as TLSSocket).getPeerCertificate();
        response.resume();
        resolve({ status: response.statusCode!, name: String(subject.CN) });
      });
      sent.once("error", reject);
      sent.end();
    });
  }
  const until = async (name: string): Promise<void> => {
    while ((await get()).name !== name) await new Promise((resolve) => setTimeout(resolve, 20));
  };

  it("speaks HTTPS with it, and nothing else", async () => {
    assert.match(service.url, /^https:/);
    assert.deepEqual(await get(), { status: 200, name: "first" });
    await assert.rejects(get({ maxVersion: "TLSv1.1", minVersion: "TLSv1" }));
    await assert.rejects(fetch(service.url.replace("https:", "http:")));
  });

  it("ends handshakes that do not go on", async () => {
    const { hostname, port } = new URL(service.url);
    const stalled = ["", "\x16\x03\x01\x02\x00\x01", "GET /livez HTTP/1.1\r\n\r\n"].map(
      (text) =>
        new Promise<void>((resolve) => {
          const socket = connect(Number(port), hostname, () => socket.write(text));
          socket.resume();
          // That the server hangs up is what it is for.
          socket.on("error", () => {});
          socket.once("close", () => resolve());
        }),
    );
    assert.equal((await get()).status, 200);
    await Promise.all(stalled);
    assert.equal((await get()).status, 200);
  });

  it("takes a changed one up by itself, when it is whole", async () => {
    await copyFile(file("second.crt"), file("tls.crt"));
    // Certificate and key do not belong together yet.
    while (service.logged.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await get()).name, "first");
    assert.match(JSON.stringify(service.logged), /tls-files-invalid|cannot be used/);
    await copyFile(file("second.key"), file("tls.key"));
    await until("second");
  });

  it("does not start with files that do not belong together, and says which", async () => {
    await writeFile(file("broken.crt"), "-----BEGIN CERTIFICATE-----\n");
    for (const [tlsCert, tlsKey] of [
      ["broken.crt", "first.key"],
      ["first.crt", "second.key"],
      ["nowhere.crt", "first.key"],
    ] as const) {
      const starting = TestService.start({ tlsCert: file(tlsCert), tlsKey: file(tlsKey) });
      await assert.rejects(starting, { code: "tls-files-invalid" });
    }
  });
});
