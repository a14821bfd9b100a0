import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { InvalidInput } from "../../../src/domain/shared/errors.ts";
import type { ObjectStore } from "../../../src/infra/page-store/object-store.ts";

/** A store over the same place each time. */
export interface ObjectStoreUnderTest {
  open(): ObjectStore;
  dispose(): Promise<void>;
}

const HOSTILE_NAMES = [
  "",
  "packs",
  "packs/",
  "/packs/a",
  "packs/../manifests/a",
  "../a/b",
  "packs/a/b",
  "packs/.hidden",
  "packs/a\0",
  "packs/a\n",
  "Packs/a",
];

/** What every place for objects does. */
export function itBehavesAsObjectStore(create: () => Promise<ObjectStoreUnderTest>): void {
  let place: ObjectStoreUnderTest;
  let store: ObjectStore;

  beforeEach(async () => {
    place = await create();
    store = place.open();
  });
  afterEach(() => place.dispose());

  it("has nothing at first", async () => {
    assert.deepEqual(await store.list("packs"), []);
    assert.equal(await store.get("packs/a"), undefined);
    assert.equal(await store.size("packs/a"), undefined);
    await store.delete("packs/a");
  });

  it("gives back what was put, also to another user of the same place", async () => {
    const parts = [randomBytes(10), Buffer.alloc(0), randomBytes(100_000)];
    assert.equal(await store.put("packs/a", parts), true);
    for (const one of [store, place.open()]) {
      assert.deepEqual(await one.get("packs/a"), Buffer.concat(parts));
      assert.equal(await one.size("packs/a"), 100_010);
    }
  });

  it("gives ranges, and less beyond the end", async () => {
    await store.put("packs/a", [Buffer.from("0123456789")]);
    const ranges = [
      [0, 3, "012"],
      [4, 2, "45"],
      [8, 10, "89"],
      [10, 5, ""],
      [50, 5, ""],
      [3, undefined, "3456789"],
    ] as const;
    for (const [offset, length, expected] of ranges)
      assert.equal(String(await store.get("packs/a", offset, length)), expected);
  });

  it("never changes an object", async () => {
    for (const passing of [undefined, "passing"] as const) {
      const name = `packs/${passing ?? "lasting"}`;
      assert.equal(await store.put(name, [], passing), true);
      assert.equal(await store.put(name, [Buffer.from("other")], passing), false);
      assert.equal(await store.size(name), 0);
    }
  });

  it("lets one of many writers of a name win, and nobody see a part", async () => {
    const contents = Array.from({ length: 16 }, (_, n) => Buffer.alloc(50_000, n));
    const seen: (Buffer | undefined)[] = [];
    const won = await Promise.all(
      contents.map(async (content) => {
        const [first] = await Promise.all([
          place.open().put("manifests/a", [content.subarray(0, 9), content.subarray(9)]),
          place
            .open()
            .get("manifests/a")
            .then((found) => seen.push(found)),
        ]);
        return first;
      }),
    );
    assert.equal(won.filter(Boolean).length, 1);
    const winner = contents[won.indexOf(true)]!;
    assert.deepEqual(await store.get("manifests/a"), winner);
    for (const found of seen) assert(found === undefined || found.equals(winner));
  });

  it("lists the names of a folder in order, and those alone", async () => {
    for (const name of ["packs/b", "packs/a", "lists/c", "packs/0"]) await store.put(name, []);
    assert.deepEqual(await store.list("packs"), ["0", "a", "b"]);
    await store.delete("packs/a");
    await store.delete("packs/a");
    assert.deepEqual(await store.list("packs"), ["0", "b"]);
    assert.equal(await store.put("packs/a", []), true);
  });

  it("refuses names that are none", async () => {
    for (const name of HOSTILE_NAMES)
      for (const attempt of [
        () => Promise.resolve().then(() => store.put(name, [])),
        () => Promise.resolve().then(() => store.get(name)),
        () => Promise.resolve().then(() => store.size(name)),
        () => Promise.resolve().then(() => store.delete(name)),
      ])
        await assert.rejects(attempt, (error) => error instanceof InvalidInput, name);
  });
}
