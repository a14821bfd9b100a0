import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExportFiles } from "../../../src/infra/log-export/export-files.ts";
import { parsePayloadLines } from "../../../src/infra/log-export/payload-lines.ts";
import { Ed25519Signer } from "../../../src/infra/signing/ed25519-signer.ts";
import { digest } from "../../support/digest.ts";
import { ROOT } from "../../support/repository.ts";
import { sampleEntries, sampleEntry, writeLog } from "../../support/sample-log.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const VERIFIER = join(ROOT, "verifier/verify.js");

describe("exporting the log to a directory", () => {
  const directory = temporaryDirectory();
  const place = (): string => directory.file("export");
  const verify = (): string =>
    execFileSync(process.execPath, [VERIFIER, place()], { encoding: "utf8" });

  it("makes a complete log, and adds only what is new", async () => {
    const entries = sampleEntries(700);
    for (const [size, from, files] of [
      // README, tiles (entries, payloads, hashes; above 256 also level 1)
      [1, 0, 4],
      [200, 1, 3],
      [300, 200, 7],
      [300, 300, 0],
      [700, 300, 7],
    ] as const) {
      const exported = await writeLog(place(), entries.slice(0, size));
      assert.deepEqual([exported.size, exported.from, exported.files], [size, from, files]);
      assert.match(verify(), /ok\n$/);
    }
    const left = readdirSync(join(place(), "tile/entries"));
    assert.deepEqual(
      left.toSorted(),
      ["000", "001", "002.p"],
      "partial tiles of full ones are gone",
    );
  });

  it("goes on after a crash at any point", async () => {
    const entries = sampleEntries(600);
    await writeLog(place(), entries.slice(0, 300));
    const before = readFileSync(join(place(), "checkpoint"));
    await writeLog(place(), entries);
    // As if it had died before the checkpoint was replaced, and while a file was written.
    writeFileSync(join(place(), "checkpoint"), before);
    rmSync(join(place(), "tile/entries/001"));
    writeFileSync(join(place(), "tile/0/.unfinished.tmp"), "half");
    const exported = await writeLog(place(), entries);
    assert.deepEqual([exported.from, exported.files], [300, 1]);
    assert.match(verify(), /ok\n$/);
  });

  it("keeps payloads and contents from others' eyes", async () => {
    const text = "CREATE TABLE t (x)";
    const named = digest.ofText(text);
    const payload = { context: {}, data: { up: named } };
    await writeLog(place(), [sampleEntry(0, { payload })], undefined, new Map([[named, text]]));
    const content = join(place(), "contents", named.slice("sha256:".length));
    assert.equal(readFileSync(content, "utf8"), text);
    const mode = (path: string): number => statSync(path).mode & 0o777;
    assert.deepEqual([mode(content), mode(join(place(), "payloads"))], [0o600, 0o700]);
    assert.deepEqual(
      [mode(join(place(), "tile/0/000.p/1")), mode(join(place(), "vkey"))],
      [0o644, 0o644],
    );
  });

  it("reads its files of payloads back", () => {
    const line = 'AAAA {"data":"a b"}\n-\n';
    assert.deepEqual(
      parsePayloadLines(line).map((one) => one?.payload),
      ['{"data":"a b"}', undefined],
    );
    for (const wrong of ["AAAA", "AAAA\n"])
      assert.throws(() => parsePayloadLines(wrong), { code: "malformed-payloads" });
  });

  it("never writes over what it does not continue", async () => {
    const entries = sampleEntries(40);
    await writeLog(place(), entries);
    const saved = readFileSync(join(place(), "checkpoint"), "utf8");
    await assert.rejects(writeLog(place(), entries.slice(0, 39)), { code: "export-forked" });
    const edited = entries.with(7, sampleEntry(7, { type: "KeyIssued" }));
    await assert.rejects(writeLog(place(), [...edited, sampleEntry(40)]), {
      code: "export-forked",
    });
    const other = Ed25519Signer.fromSeed("other.example", new Uint8Array(32).fill(2));
    await assert.rejects(writeLog(place(), entries, other), { code: "export-foreign" });
    writeFileSync(join(place(), "checkpoint"), saved.replace("\n40\n", "\n39\n"));
    await assert.rejects(writeLog(place(), entries), { code: "export-foreign" });
    assert.ok(!existsSync(join(place(), "tile/0/000.p/41")));
  });

  it("makes directories anew that somebody removed, and has no more files open than a few", async () => {
    const files = new ExportFiles(place());
    const put = async (number: number): Promise<void> =>
      files.put(`tile/0/x${number % 7}/${number}`, Buffer.from(`${number}`), "open");
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    let most = 0;
    for (let number = 0; number < 300; number += 1) {
      await put(number);
      most = Math.max(most, descriptors());
    }
    await files.settle();
    assert.ok(most - before <= 70, `${most - before} descriptors`);
    assert.equal(descriptors(), before);
    rmSync(place(), { recursive: true });
    await Promise.all([put(1), put(1), put(2)]);
    await files.settle();
    assert.deepEqual(readdirSync(join(place(), "tile/0")), ["x1", "x2"]);
    assert.equal(readFileSync(join(place(), "tile/0/x1/1"), "utf8"), "1");
  });

  it("makes names durable that a process before it gave, and forgets directories that are gone", async () => {
    const put = async (files: ExportFiles, path: string): Promise<void> =>
      files.put(path, Buffer.from(path), "open");
    const before = new ExportFiles(place());
    await put(before, "tile/1");
    await before.settle();
    const after = new ExportFiles(place());
    await put(after, "tile/1");
    assert.equal(after.written.files, 0);
    // The directory is synced, or this would not fail.
    rmSync(join(place(), "tile"), { recursive: true });
    await assert.rejects(after.settle(), { code: "ENOENT" });
    await put(after, "tile/1");
    await after.settle();
    assert.deepEqual(readdirSync(join(place(), "tile")), ["1"]);
  });

  it("leaves nothing of a file that cannot be put", async () => {
    const files = new ExportFiles(place());
    await files.put("tile/1", Buffer.from("a"), "open");
    await files.settle();
    await assert.rejects(files.put("tile/1/2", Buffer.from("b"), "open"), { code: "ENOTDIR" });
    await files.put("tile/3", Buffer.from("c"), "open");
    await files.put("other/4", Buffer.from("d"), "open");
    rmSync(join(place(), "tile"), { recursive: true });
    await assert.rejects(files.settle(), { code: "ENOENT" });
    assert.deepEqual(readdirSync(join(place(), "other")), []);
    await files.put("tile/3", Buffer.from("c"), "open");
    await files.settle();
    assert.deepEqual(readdirSync(join(place(), "tile")), ["3"]);
  });
});
