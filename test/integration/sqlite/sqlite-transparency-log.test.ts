import assert from "node:assert/strict";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { parseEntryBundle } from "../../../src/domain/ledger/entry-bundle.ts";
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  subtreeRootsOf,
  type SubtreeRoot,
} from "../../../src/domain/ledger/merkle.ts";
import { newTiles } from "../../../src/domain/ledger/tile.ts";
import type { Hash } from "../../../src/domain/shared/digest.ts";
import type { SqliteLedger } from "../../../src/infra/sqlite/sqlite-ledger.ts";
import { SqliteTransparencyLog } from "../../../src/infra/sqlite/sqlite-transparency-log.ts";
import { perfectRoot } from "../../../src/domain/ledger/tile-tree.ts";
import { TileHashes } from "../../../src/infra/ledger/tile-hashes.ts";
import { digest } from "../../support/digest.ts";
import { appendTo, revoked } from "../../support/ledger-samples.ts";
import { openLedger, SIGNER } from "../../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("the transparency log over a ledger file", () => {
  const directory = temporaryDirectory();
  let ledger: SqliteLedger;
  let log: SqliteTransparencyLog;

  const open = (): SqliteTransparencyLog =>
    new SqliteTransparencyLog({
      file: directory.file("ledger.db"),
      origin: SIGNER.name,
      cache: { file: directory.file("tiles/1"), readOnly: false },
      digest,
    });
  const append = async (count: number): Promise<void> => {
    await ledger.append(appendTo("a", "any", { events: revoked(count) }));
  };

  beforeEach(() => {
    ledger = openLedger(directory.file("ledger.db"));
    log = open();
  });
  afterEach(async () => {
    await log.close();
    await ledger.close();
  });

  /** The leaf hashes, by way of the entry bundles. */
  async function leaves(size: number): Promise<Hash[]> {
    const hashes: Hash[] = [];
    for (const tile of newTiles(0, size)) {
      if (tile.level !== "entries") continue;
      const entries = parseEntryBundle((await log.tile(tile))!);
      assert.equal(entries.length, tile.width);
      hashes.push(...entries.map((entry) => leafHash(digest.sha256, entry)));
    }
    return hashes;
  }

  async function agrees(size: number): Promise<SubtreeRoot> {
    const subtree = subtreeRootsOf(digest.sha256, await leaves(size));
    assert.deepEqual(Buffer.from(await log.rootAt(size)), Buffer.from(subtree(0, size)));
    for (const { level, index, width } of newTiles(0, size)) {
      if (level === "entries") continue;
      const bytes = (await log.tile({ level, index, width }))!;
      assert.equal(bytes.length, 32 * width);
      const span = 256 ** level;
      for (let i = 0; i < width; i += 1) {
        const at = (index * 256 + i) * span;
        assert.deepEqual(bytes.subarray(32 * i, 32 * i + 32), Buffer.from(subtree(at, at + span)));
      }
    }
    return subtree;
  }

  it("has every tile and bundle of every size", async () => {
    for (const [more, size] of [
      [1, 1],
      [254, 255],
      [1, 256],
      [1, 257],
      [800, 1057],
    ] as const) {
      await append(more);
      const subtree = await agrees(size);
      const { root } = await ledger.head();
      assert.deepEqual(Buffer.from(subtree(0, size)), Buffer.from(root));
    }
  });

  it("has further levels", async () => {
    const { sha256 } = digest;
    const leaf = sha256();
    const file = directory.file("tiles/levels");
    const hashes = new TileHashes({ file, readOnly: false }, digest, (_, count) =>
      Array(count).fill(leaf),
    );
    await hashes.reach(3 * 65_536 - 1);
    const one = perfectRoot(sha256, Array(256).fill(leaf));
    const two = perfectRoot(sha256, Array(256).fill(one));
    const asBuffers = (level: number, start: number, count: number): Buffer[] =>
      hashes.at(level, start, count).map((hash) => Buffer.from(hash));
    assert.deepEqual(asBuffers(2, 0, 3), [two, two]);
    assert.deepEqual(asBuffers(1, 766, 1), [one]);
    await hashes.close();
  });

  it("takes from a file what another one works out, until it was wrong", async () => {
    const file = directory.file("tiles/shared");
    let asked = 0;
    const open = (readOnly: boolean): TileHashes =>
      new TileHashes({ file, readOnly }, digest, (start, count) => {
        asked += 1;
        return Array.from({ length: count }, (_, n) => digest.sha256(Buffer.from(`${start + n}`)));
      });
    const firstOf = (hashes: TileHashes) => hashes.at(1, 0, 4).map((hash) => digest.hex(hash));
    const [writer, reader] = [open(false), open(true)];
    await writer.reach(512);
    await reader.reach(512);
    assert.equal(asked, 2);
    await writer.reach(1024);
    await reader.reach(1024);
    assert.deepEqual(firstOf(reader), firstOf(writer));
    assert.equal(asked, 4);
    // Ahead of the writer, it works out what it needs.
    await reader.reach(1280);
    assert.equal(asked, 5);
    writeFileSync(file, Buffer.alloc(64));
    reader.forget();
    await reader.reach(1024);
    assert.equal(asked, 9);
    assert.deepEqual(firstOf(reader), firstOf(writer));
    await writer.close();
    await reader.close();
  });

  it("has nothing of an empty ledger", async () => {
    assert.equal(await log.tile({ level: 0, index: 0, width: 1 }), undefined);
    assert.deepEqual(Buffer.from(await log.rootAt(0)), Buffer.from(digest.sha256()));
  });

  it("gives the proofs of the definition", async () => {
    await append(900);
    const subtree = subtreeRootsOf(digest.sha256, await leaves(900));
    const hex = (hashes: readonly Hash[]): string[] => hashes.map((hash) => digest.hex(hash));
    for (const [index, size] of [
      [0, 1],
      [0, 900],
      [511, 512],
      [512, 513],
      [899, 900],
      [300, 777],
    ] as const) {
      const proof = await log.inclusionProof(index, size);
      assert.deepEqual(hex(proof), hex(inclusionProof(subtree, index, size)));
    }
    for (const [first, second] of [
      [1, 900],
      [256, 257],
      [512, 900],
      [300, 777],
      [900, 900],
    ] as const) {
      const proof = await log.consistencyProof(first, second);
      assert.deepEqual(hex(proof), hex(consistencyProof(subtree, first, second)));
    }
    await assert.rejects(log.inclusionProof(0, 901), { code: "size-beyond-log" });
    await assert.rejects(log.consistencyProof(1, 901), { code: "size-beyond-log" });
    await assert.rejects(log.rootAt(901), { code: "size-beyond-log" });
  });

  it("works its kept hashes out again when they are torn, gone or wrong", async () => {
    const file = directory.file("tiles/1");
    await append(2000);
    await agrees(2000);
    const right = readFileSync(file);
    assert.equal(right.length, 7 * 32);
    for (const harm of [
      () => truncateSync(file, 3 * 32 + 5),
      () => rmSync(file),
      () => writeFileSync(file, Uint8Array.from(right).with(40, right[40]! ^ 1)),
      () => writeFileSync(file, Buffer.concat([right, right])),
    ]) {
      await log.close();
      harm();
      log = open();
      await agrees(2000);
      assert.deepEqual(readFileSync(file).subarray(0, right.length), right);
    }
  });

  it("does not trust kept hashes beyond the ledger once it has grown", async () => {
    const file = directory.file("tiles/1");
    await append(600);
    await agrees(600);
    await log.close();
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(32, 9)]));
    log = open();
    await agrees(600);
    await append(200);
    await agrees(800);
  });
});
