import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { parseNote } from "../../src/domain/ledger/note.ts";
import { parseVerifierKey } from "../../src/domain/ledger/verifier-key.ts";
import { digest } from "../support/digest.ts";
import { ROOT } from "../support/repository.ts";
import { TestService } from "../support/service.ts";

const MODULES = "/usr/share/gocode";
const PROGRAM = join(ROOT, "test/interop/verify_log.go");
const VECTORS = join(ROOT, "test/fixtures/vectors.json");

const has = (command: string, arg: string): boolean =>
  spawnSync(command, [arg], { stdio: "ignore" }).status === 0;

/** Debian: golang-go, golang-golang-x-mod-dev. */
const hasGo = has("go", "version") && existsSync(`${MODULES}/src/golang.org/x/mod/sumdb/tlog`);

describe("software that is not ours", function () {
  this.timeout(120_000);
  let service: TestService;
  let directory: string;
  let program: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "schemaledger-interop-"));
    program = join(directory, "verify_log");
    service = await TestService.start();
    await service.register("shop");
    // Enough for full tiles and a second level.
    for (let n = 0; n < 270; n += 30)
      await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          service.post("/v1/keys", { name: `key ${n + i}`, roles: ["auditor"] }),
        ),
      );
  });
  after(async () => {
    await service.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const vkey = async (): Promise<string> => (await service.get("/v1/ledger/vkey")).text.trim();
  const go = (...args: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      execFile(program, args, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(stderr));
      });
    });

  it("in Go verifies checkpoint, tiles, entries, inclusion and consistency", async function () {
    if (!hasGo) return this.skip();
    const env = { ...process.env, GO111MODULE: "off", GOPATH: MODULES, HOME: homedir() };
    execFileSync("go", ["build", "-o", program, PROGRAM], { env });
    assert.equal(await go("vectors", VECTORS), "ok: 72 proofs of the vectors\n");
    for (const old of ["1", "255", "256", "257", "270"])
      assert.match(await go(service.url, service.token, await vkey(), old), /^ok: \d{3} entries/);
    const wrong = (await vkey()).replace(/\+[0-9a-f]{8}\+/, "+00000000+");
    await assert.rejects(go(service.url, service.token, wrong), /malformed verifier|invalid/);
  });

  it("verifies a checkpoint's signature: openssl", async function () {
    if (!has("openssl", "version")) return this.skip();
    const { text } = await service.get("/v1/ledger/checkpoint");
    const note = parseNote(digest, text);
    const { publicKey } = parseVerifierKey(digest, await vkey());
    const file = (name: string, bytes: string | Uint8Array): string => {
      writeFileSync(join(directory, name), bytes);
      return join(directory, name);
    };
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), publicKey]);
    const key = file("key", der);
    const signature = file("signature", note.signatures[0]!.signature);
    const check = (signed: string): number | null => {
      const command = "pkeyutl -verify -rawin -pubin -keyform DER".split(" ");
      const files = ["-inkey", key, "-in", file("text", signed), "-sigfile", signature];
      return spawnSync("openssl", [...command, ...files]).status;
    };
    assert.equal(check(note.text), 0);
    assert.notEqual(check(note.text.replace("\n", "x\n")), 0);
  });
});
