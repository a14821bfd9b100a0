import assert from "node:assert/strict";
import fc from "fast-check";
import { entryBundle, parseEntryBundle } from "../../../../src/domain/ledger/entry-bundle.ts";
import { leafHash, subtreeRootsOf } from "../../../../src/domain/ledger/merkle.ts";
import { perfectRoot, subtreeRootsFrom } from "../../../../src/domain/ledger/tile-tree.ts";
import { hasTile, newTiles, parseTilePath, tilePath } from "../../../../src/domain/ledger/tile.ts";
import type { Hash } from "../../../../src/domain/shared/digest.ts";
import { digest } from "../../../support/digest.ts";

const sha = digest.sha256;
const hex = (bytes: Uint8Array): string => digest.hex(bytes);
const full = (index: number): string => tilePath({ level: 0, index, width: 256 });

describe("a tile's path", () => {
  it("groups the digits of its place", () => {
    assert.deepEqual(
      [0, 5, 999, 1000, 1_234_067, 1_000_000_000].map(full),
      ["000", "005", "999", "x001/000", "x001/x234/067", "x001/x000/x000/000"].map((n) => `0/${n}`),
    );
    assert.equal(tilePath({ level: "entries", index: 273, width: 112 }), "entries/273.p/112");
  });

  it("is read back, and only in its one right form", () => {
    for (const path of ["0/000", "63/x001/000.p/255", "entries/999.p/1"])
      assert.equal(tilePath(parseTilePath(path)!), path);
    const wrong =
      "0/0 0/00 0/0000 0/x000/000 0/001/000 00/000 64/000 -1/000 8/0/000 entries/x001 entries/ data/000 " +
      "0/000.p/0 0/000.p/256 0/000.p/01 0/000.p/257 0/000.p 0/000/ /0/000 0/../000 0/000.P/1 0/00a";
    for (const path of ["", ...wrong.split(" "), `0/${"x999/".repeat(6)}999`])
      assert.equal(parseTilePath(path), undefined, path);
  });
});

describe("the tiles of a log", () => {
  const counted = (size: number): number =>
    [...newTiles(0, size)].filter(({ level }) => level !== "entries").length;

  it("are as many as the specification counts", () => {
    const expected = {
      0: 0,
      1: 1,
      255: 1,
      256: 2,
      257: 3,
      512: 3,
      513: 4,
      65_536: 258,
      70_000: 277,
    };
    for (const [size, count] of Object.entries(expected))
      assert.equal(counted(Number(size)), count);
    const widths = [...newTiles(0, 70_000)].filter(({ width }) => width < 256).map(tilePath);
    assert.deepEqual(widths, ["entries/273.p/112", "0/273.p/112", "1/001.p/17", "2/000.p/1"]);
  });

  it("are all there after every step of growth", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(70_000), { maxLength: 6 }), (sizes) => {
        const had = new Set<string>();
        let before = 0;
        for (const size of sizes.toSorted((a, b) => a - b)) {
          for (const tile of newTiles(before, size)) had.add(tilePath(tile));
          for (const tile of newTiles(0, size)) assert.ok(had.has(tilePath(tile)), tilePath(tile));
          before = size;
        }
      }),
      { numRuns: 30 },
    );
  });

  it("include every width up to the size, and nothing beyond", () => {
    assert.ok(hasTile({ level: 0, index: 0, width: 256 }, 256));
    assert.ok(hasTile({ level: 0, index: 0, width: 7 }, 1000));
    assert.ok(hasTile({ level: 1, index: 0, width: 3 }, 1000));
    assert.ok(!hasTile({ level: 1, index: 0, width: 4 }, 1000));
    assert.ok(!hasTile({ level: "entries", index: 3, width: 233 }, 1000));
    assert.ok(!hasTile({ level: 63, index: 0, width: 1 }, 2 ** 53 - 1));
  });
});

describe("subtree roots out of tiles", () => {
  it("are those of the definition", () => {
    const leaves = Array.from({ length: 70_000 }, (_, i) => leafHash(sha, digest.utf8(`${i}`)));
    const levels: Hash[][] = [leaves];
    for (let level = 0; levels[level]!.length >= 256; level += 1)
      levels.push(
        Array.from({ length: Math.floor(levels[level]!.length / 256) }, (_, i) =>
          perfectRoot(sha, levels[level]!.slice(256 * i, 256 * i + 256)),
        ),
      );
    let most = 0;
    const fromTiles = subtreeRootsFrom(sha, (level, start, count) => {
      most = Math.max(most, count);
      return levels[level]!.slice(start, start + count);
    });
    const byDefinition = subtreeRootsOf(sha, leaves);
    for (const [start, end] of [
      [0, 0],
      [0, 1],
      [0, 70_000],
      [65_536, 70_000],
      [256, 512],
      [1024, 1025],
      [69_632, 69_999],
    ] as const)
      assert.deepEqual(fromTiles(start, end), byDefinition(start, end));
    assert.ok(most <= 128);
  });
});

describe("an entry bundle", () => {
  it("is read back as it was written", () => {
    const entries = [new Uint8Array(), new Uint8Array(65_535).fill(7), digest.utf8("{}")];
    const bundle = entryBundle(entries);
    assert.equal(digest.hex(bundle.slice(0, 4)), "0000ffff");
    assert.deepEqual(parseEntryBundle(bundle).map(hex), entries.map(hex));
    assert.deepEqual(parseEntryBundle(new Uint8Array()), []);
  });

  it("is refused when it ends within an entry", () => {
    const bundle = entryBundle([digest.utf8("abc")]);
    for (const cut of [1, 2, 4])
      assert.throws(() => parseEntryBundle(bundle.slice(0, cut)), { code: "malformed-bundle" });
    assert.throws(() => parseEntryBundle(Uint8Array.of(...bundle, 0)), {
      code: "malformed-bundle",
    });
    assert.throws(() => entryBundle([new Uint8Array(65_536)]), RangeError);
  });
});
