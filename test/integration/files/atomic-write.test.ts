import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDirectory, writeFileAtomic } from "../../../src/infra/files/atomic-write.ts";

describe("atomic writes", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "schemaledger-write-"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("replace the file and leave nothing else", async () => {
    const path = join(directory, "a.json");
    await writeFileAtomic(path, "long content");
    await writeFileAtomic(path, new Uint8Array([65, 66]));
    assert.equal(readFileSync(path, "utf8"), "AB");
    assert.deepEqual(readdirSync(directory), ["a.json"]);
  });

  it("give the file exactly the mode, whatever the umask", async () => {
    const before = process.umask(0o077);
    try {
      await writeFileAtomic(join(directory, "open"), "", 0o644);
      await writeFileAtomic(join(directory, "closed"), "");
    } finally {
      process.umask(before);
    }
    assert.equal(statSync(join(directory, "open")).mode & 0o777, 0o644);
    assert.equal(statSync(join(directory, "closed")).mode & 0o777, 0o600);
  });

  it("leave what was there when they fail", async () => {
    const path = join(directory, "taken");
    mkdirSync(join(path, "full"), { recursive: true });
    await assert.rejects(writeFileAtomic(path, "x"), { code: "EISDIR" });
    assert.deepEqual(readdirSync(directory), ["taken"]);
    assert.deepEqual(readdirSync(path), ["full"]);
  });

  it("never show a part to a reader", async () => {
    const path = join(directory, "a");
    const texts = ["a".repeat(200_000), "b".repeat(300_000)];
    await writeFileAtomic(path, texts[0]!);
    let writing = true;
    const writers = Promise.all(
      Array.from({ length: 10 }, (_, n) => writeFileAtomic(path, texts[n % 2]!)),
    ).finally(() => {
      writing = false;
    });
    while (writing) {
      assert(texts.includes(readFileSync(path, "utf8")));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writers;
  });

  it("make missing directories for their owner alone", async () => {
    await makeDirectory(join(directory, "a", "b"));
    await makeDirectory(join(directory, "a", "b"));
    assert.equal(statSync(join(directory, "a")).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory, "a", "b")).mode & 0o777, 0o700);
  });
});
