import assert from "node:assert/strict";
import type {
  EndedEntity,
  OpenEntity,
  ProjectionMark,
  ProjectionStore,
} from "../../../src/domain/state/projection-store.ts";

const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

const open = (id: string, byte = 1): OpenEntity => ({
  kind: "databases",
  id,
  text: `{"id":"${id}","n":${byte}}`,
  digest: hash(byte),
});

const ended = (began: number, over: Partial<EndedEntity> = {}): EndedEntity => ({
  kind: "runs",
  id: `run-${began}`,
  text: `{"began":${began}}`,
  databaseId: began % 2 === 0 ? "even" : "odd",
  status: began % 3 === 0 ? "failed" : "succeeded",
  began,
  ...over,
});

const mark = (size: number): ProjectionMark => ({
  code: "sha256:code",
  origin: "ledger.example/prod",
  size,
  frontier: [hash(7), hash(8)],
  rest: `{"size":${size}}`,
  endedCount: 0,
  endedSum: "00",
  openSum: "00",
  stateHash: `sha256:${size}`,
  seal: `sha256:seal-${size}`,
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const NOTHING = { ended: [], changed: [], gone: [] };

/** What every store of the projection must do. */
export function projectionStoreContract(name: string, make: () => ProjectionStore): void {
  describe(`ProjectionStore: ${name}`, () => {
    let store: ProjectionStore;
    beforeEach(() => {
      store = make();
    });
    afterEach(() => store.close());

    const plain = async (): Promise<[string, string][]> =>
      ((await store.stored())?.open ?? []).map(({ id, text }) => [id, text]);

    it("has nothing to start from before the first mark", async () => {
      assert.equal(await store.stored(), undefined);
      await store.write({ ...NOTHING, ended: [ended(1)] });
      assert.equal(await store.stored(), undefined);
    });

    it("gives back the newest mark and the open entities, those stored first first", async () => {
      await store.write({ ...NOTHING, changed: [open("b"), open("a"), open("c")], mark: mark(3) });
      const changes = { changed: [open("a", 2), open("d")], gone: [open("c"), open("nobody")] };
      await store.write({ ...NOTHING, ...changes, mark: mark(5) });
      const { frontier, ...found } = (await store.stored())!.mark;
      const { frontier: expected, ...others } = mark(5);
      assert.deepEqual(found, others);
      assert.deepEqual(frontier.map(hex), expected.map(hex));
      assert.deepEqual(await plain(), [
        ["b", open("b").text],
        ["a", open("a", 2).text],
        ["d", open("d").text],
      ]);
    });

    it("tells the digests of what is stored, and passes over what is not", async () => {
      await store.write({ ...NOTHING, changed: [open("a", 4), open("b", 5)], mark: mark(1) });
      const found = await store.digests([open("b"), open("nobody"), open("a")]);
      assert.deepEqual(found.map(hex), [hash(5), hash(4)].map(hex));
    });

    it("finds what has ended by its kind and id", async () => {
      const others = { kind: "checks", id: "run-1", text: "{}" };
      await store.write({ ...NOTHING, ended: [ended(1), ended(2, others)], mark: mark(3) });
      assert.equal(await store.find("runs", "run-1"), ended(1).text);
      assert.equal(await store.find("checks", "run-1"), "{}");
      assert.equal(await store.find("backups", "run-1"), undefined);
      assert.deepEqual(await store.known("runs", ["x", "run-1", "run-2"]), ["run-1"]);
    });

    it("lists newest first, filtered, from a place on", async () => {
      const all = Array.from({ length: 13 }, (_, i) => ended(12 - i));
      const check = ended(13, { kind: "checks", id: "c" });
      await store.write({ ...NOTHING, ended: [...all, check], mark: mark(14) });
      const began = async (query: object): Promise<number[]> =>
        (await store.list("runs", { limit: 3, ...query })).map(
          (text) => (JSON.parse(text) as { began: number }).began,
        );
      assert.deepEqual(await began({}), [12, 11, 10]);
      assert.deepEqual(await began({ before: 10 }), [9, 8, 7]);
      assert.deepEqual(await began({ before: 0 }), []);
      assert.deepEqual(await began({ databaseId: "odd" }), [11, 9, 7]);
      assert.deepEqual(await began({ status: "failed", before: 12 }), [9, 6, 3]);
      assert.deepEqual(await began({ status: "failed", databaseId: "even" }), [12, 6, 0]);
      assert.deepEqual(await began({ databaseId: "nobody" }), []);
    });

    it("writes a batch as a whole or not at all", async () => {
      await store.write({ ...NOTHING, ended: [ended(1)], changed: [open("a")], mark: mark(1) });
      const twice = { ended: [ended(2), ended(1)], changed: [open("b")], gone: [open("a")] };
      await assert.rejects(store.write({ ...twice, mark: mark(2) }), {
        code: "projection-write-failed",
      });
      assert.equal((await store.stored())?.mark.size, 1);
      assert.deepEqual(await plain(), [["a", open("a").text]]);
      assert.equal(await store.find("runs", "run-2"), undefined);
    });

    it("goes through everything that has ended, once", async () => {
      const all = Array.from({ length: 1203 }, (_, i) => ended(i));
      await store.write({ ...NOTHING, ended: all, mark: mark(1203) });
      const found: number[] = [];
      for await (const rows of store.allEnded()) found.push(...rows.map(({ began }) => began));
      assert.deepEqual(
        found,
        all.map(({ began }) => began),
      );
    });

    it("is taken over by one that was filled beside it", async () => {
      await store.write({ ...NOTHING, ended: [ended(1)], changed: [open("a")], mark: mark(1) });
      const beside = await store.beside();
      await beside.write({ ...NOTHING, ended: [ended(2)] });
      await beside.write({ ...NOTHING, changed: [open("b")], mark: mark(2) });
      assert.equal((await store.stored())?.mark.size, 1);
      await store.takeOver(beside);
      assert.equal((await store.stored())?.mark.size, 2);
      assert.deepEqual(await plain(), [["b", open("b").text]]);
      assert.equal(await store.find("runs", "run-1"), undefined);
      assert.equal(await store.find("runs", "run-2"), ended(2).text);
      await store.write({ ...NOTHING, ended: [ended(3)], mark: mark(3) });
      assert.equal((await store.stored())?.mark.size, 3);
    });

    it("forgets everything when it is reset", async () => {
      await store.write({ ...NOTHING, ended: [ended(1)], changed: [open("a")], mark: mark(1) });
      await store.reset();
      assert.equal(await store.stored(), undefined);
      assert.deepEqual(await plain(), []);
      await store.write({ ...NOTHING, ended: [ended(1)], mark: mark(1) });
      assert.equal(await store.find("runs", "run-1"), ended(1).text);
    });
  });
}
