import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tlogProofText } from "../../../src/domain/ledger/tlog-proof.ts";
import { digest } from "../../support/digest.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { ROOT, textOf } from "../../support/repository.ts";
import { sampleEntries, sampleEntry, writeLog } from "../../support/sample-log.ts";
import { SIGNER } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { vectors } from "../../support/vectors.ts";

const VERIFIER = join(ROOT, "verifier/verify.js");
const run = (...args: readonly string[]): number | null =>
  spawnSync(process.execPath, [VERIFIER, ...args]).status;

describe("the verifier", () => {
  const directory = temporaryDirectory();

  it("is small, and imports nothing but Node", () => {
    let lines = 0;
    for (const file of ["verifier/verify.js", "verifier/formats.js"]) {
      const text = textOf(file);
      lines += text
        .split("\n")
        .filter((line) => /\S/.test(line) && !/^\s*(\/\/|\/?\*)/.test(line)).length;
      for (const [, from] of text.matchAll(/from "([^"]+)"/g))
        assert.match(from!, /^(node:|\.\/formats\.js$)/);
    }
    assert.ok(lines <= 400, `${lines} lines of code`);
  });

  it("checks the vectors: keys, cosignature, quorum and proof", () => {
    const { log, witness } = vectors.keys;
    const file = write("proof", vectors.tlogProof);
    const entry = write("entry", vectors.events[5]!.env_jcs);
    assert.equal(run("proof", file, "--entry", entry, "--vkey", log.vkey), 0);
    const policy = (quorum: string): string =>
      write(
        "policy",
        `log ${log.vkey}\nwitness w1 ${witness.vkey}\nwitness w2 ${other}\n${quorum}\n`,
      );
    const other = SIGNER.verifierKey;
    const judged = (quorum: string): number | null =>
      run("proof", file, "--entry", entry, "--policy", policy(quorum));
    assert.equal(judged("quorum w1"), 0);
    assert.equal(judged("quorum none"), 0);
    assert.equal(judged("group g any w1 w2\nquorum g"), 0);
    assert.equal(judged("group g 1 w1 w2\nquorum g # one"), 0);
    assert.equal(judged("group g all w1 nobody\nquorum g"), 2);
    assert.equal(judged("nonsense"), 2);
  });

  it("refuses a proof with any byte changed", () => {
    const proof = Buffer.from(vectors.tlogProof);
    const entry = write("entry", vectors.events[5]!.env_jcs);
    const key = vectors.keys.log.vkey;
    assert.equal(run("proof", write("p", proof), "--entry", entry, "--vkey", key), 0);
    // The lines of signatures that are not known may say anything.
    for (let at = 0; at < proof.indexOf("— witness"); at += 61) {
      const changed = Uint8Array.from(proof).with(at, proof[at]! ^ 1);
      assert.equal(run("proof", write("p", changed), "--entry", entry, "--vkey", key), 10, `${at}`);
    }
    const edited = write("entry", vectors.events[5]!.env_jcs.replace("BackupTaken", "BackupTake2"));
    assert.equal(run("proof", write("p", proof), "--entry", edited, "--vkey", key), 10);
  });

  it("takes a proof of every place in trees of every shape", async () => {
    for (const size of [1, 3, 8, 13]) {
      const entries = sampleEntries(size);
      const log = new MemoryLog(entries);
      const { note } = await log.checkpoint(SIGNER);
      for (const index of new Set([0, size >> 1, size - 1])) {
        const { leaf, salt, payload } = entries[index]!;
        const extra = Buffer.concat([salt!, Buffer.from(payload!)]);
        const path = await log.inclusionProof(index, size);
        const file = write("p", tlogProofText(digest, { extra, index, path, checkpoint: note }));
        const entry = write("entry", leaf);
        assert.equal(run("proof", file, "--entry", entry, "--vkey", SIGNER.verifierKey), 0);
      }
    }
  });

  it("checks an evidence bundle, and finds any byte that was changed in it", async () => {
    const bundle = await makeBundle();
    const check = (): number | null => run(bundle, "--vkey", SIGNER.verifierKey);
    assert.equal(check(), 0);
    const archive = readFileSync(bundle);
    for (const found of [
      "The report",
      '"format"',
      "README of the bundle",
      "KeyRevoked",
      "AQEBAQ",
      "CREATE",
    ]) {
      const at = archive.indexOf(found);
      assert.ok(at > 0, found);
      writeFileSync(bundle, Uint8Array.from(archive).with(at + 2, archive[at + 2]! ^ 1));
      assert.equal(check(), 10, found);
    }
  });

  it("finds what was added to a bundle, or taken from it", async () => {
    const bundle = await makeBundle();
    execFileSync("tar", ["-rf", bundle, "--format=ustar", "-C", directory.path, "extra"]);
    assert.equal(run(bundle, "--vkey", SIGNER.verifierKey), 10);
    execFileSync("tar", ["--delete", "-f", bundle, "extra", "report/changes.json"]);
    assert.equal(run(bundle, "--vkey", SIGNER.verifierKey), 10);
  });

  function write(name: string, content: string | Uint8Array): string {
    const file = directory.file(name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  async function makeBundle(): Promise<string> {
    const sql = "CREATE TABLE t (x)";
    const files = { "README.txt": "README of the bundle", "report/changes.json": "The report" };
    for (const [path, content] of Object.entries(files)) write(path, content);
    write("extra", "more");
    const manifest = JSON.stringify({
      files: {
        ...Object.fromEntries(
          Object.entries(files).map(([path, text]) => [path, digest.ofText(text)]),
        ),
        "log/README.txt": "",
        "log/vkey": digest.ofText(`${SIGNER.verifierKey}\n`),
      },
      format: 1,
    });
    // The export's own README is known only once it is written.
    const readme = async (): Promise<string> => {
      await writeLog(directory.file("once"), sampleEntries(1));
      return readFileSync(directory.file("once/README.txt"), "utf8");
    };
    const whole = manifest.replace(
      '"log/README.txt":""',
      `"log/README.txt":"${digest.ofText(await readme())}"`,
    );
    write("manifest.json", whole);
    const issued = { context: {}, data: { sha256: digest.ofText(whole) } };
    const registered = { context: {}, data: { up: digest.ofText(sql) } };
    const entries = [
      ...sampleEntries(4),
      sampleEntry(4, { payload: registered }),
      sampleEntry(5, { type: "ReportIssued", payload: issued }),
    ];
    await writeLog(directory.file("log"), entries, SIGNER, new Map([[digest.ofText(sql), sql]]));
    const bundle = directory.file("bundle.tar");
    const names = ["README.txt", "manifest.json", "report", "log"];
    execFileSync("tar", ["-cf", bundle, "--format=ustar", "-C", directory.path, ...names]);
    return bundle;
  }
});
