import assert from "node:assert/strict";
import { openNote } from "../../../../src/domain/ledger/note.ts";
import { parseVerifierKey } from "../../../../src/domain/ledger/verifier-key.ts";
import {
  addCheckpointBody,
  parseAddCheckpoint,
} from "../../../../src/domain/witness/add-checkpoint.ts";
import { Witness, type WitnessStore } from "../../../../src/domain/witness/witness.ts";
import { checkEd25519, Ed25519Signer } from "../../../../src/infra/signing/ed25519-signer.ts";
import { FileCosigningKey } from "../../../../src/infra/witness/cosigning-key.ts";
import { digest } from "../../../support/digest.ts";
import { MemoryLog } from "../../../support/memory-log.ts";
import { sampleEntries, sampleEntry } from "../../../support/sample-log.ts";
import { SIGNER } from "../../../support/sqlite-ledger.ts";
import { vectors } from "../../../support/vectors.ts";

const { witness: vector, log: logVector } = vectors.keys;
const signer = Ed25519Signer.fromSeed(vector.name, digest.fromHex(vector.seed_hex));
const key = new FileCosigningKey(signer, digest);
const now = new Date(vector.time * 1000).toISOString();
const clock = { now: () => now, elapsed: () => 0, sleep: async () => undefined };

class MemoryStore implements WitnessStore {
  readonly notes = new Map<string, string>();
  readonly evidence: string[] = [];
  newest = async (origin: string): Promise<string | undefined> => this.notes.get(origin);
  remember = async (origin: string, note: string): Promise<void> =>
    void this.notes.set(origin, note);
  keepEvidence = async (_: string, evidence: string): Promise<void> =>
    void this.evidence.push(evidence);
}

describe("a witness", () => {
  let store: MemoryStore;
  let witness: Witness;
  beforeEach(() => {
    store = new MemoryStore();
    const logs = [parseVerifierKey(digest, SIGNER.verifierKey)];
    witness = new Witness({ store, key, logs, digest, clock, check: checkEd25519 });
  });

  const log = (size: number): MemoryLog => new MemoryLog(sampleEntries(size));
  const body = async (from: MemoryLog, old: number, size: number): Promise<string> => {
    const proof = old === 0 || old >= size ? [] : await from.consistencyProof(old, size);
    return addCheckpointBody(digest, { old, proof, note: (await from.checkpoint(SIGNER)).note });
  };
  const ask = async (size: number, old: number) =>
    witness.addCheckpoint(await body(log(size), old, size));

  it("has the key and the signature of the vector", async () => {
    assert.equal(key.verifierKey, vector.vkey);
    const logs = [parseVerifierKey(digest, logVector.vkey)];
    witness = new Witness({ store, key, logs, digest, clock, check: checkEd25519 });
    const note = vectors.checkpoint8.signed;
    const answer = await witness.addCheckpoint(
      addCheckpointBody(digest, { old: 0, proof: [], note }),
    );
    assert.deepEqual(answer, {
      status: 200,
      lines: vectors.checkpoint8.cosigned.slice(note.length),
    });
  });

  it("cosigns what continues what it has seen, also the same again", async () => {
    for (const [size, old] of [
      [3, 0],
      [3, 3],
      [8, 3],
      [300, 8],
    ] as const) {
      const answer = await ask(size, old);
      assert.equal(answer.status, 200, JSON.stringify(answer));
      const note = store.notes.get(SIGNER.name)! + (answer as { lines: string }).lines;
      openNote(digest, note, [parseVerifierKey(digest, key.verifierKey)], checkEd25519);
    }
  });

  it("says where it is when the log believes something else", async () => {
    await ask(8, 0);
    for (const old of [0, 3, 7]) assert.deepEqual(await ask(9, old), { status: 409, size: 8 });
    assert.equal((await ask(7, 8)).status, 400, "never back");
    assert.equal((await ask(9, 10)).status, 400);
  });

  it("refuses a log that shows two histories, and keeps both notes", async () => {
    await ask(8, 0);
    const forked = new MemoryLog(sampleEntries(8).with(2, sampleEntry(2, { type: "KeyIssued" })));
    const longer = new MemoryLog(sampleEntries(9).with(2, sampleEntry(2, { type: "KeyIssued" })));
    for (const [other, size] of [
      [forked, 8],
      [longer, 9],
    ] as const)
      assert.equal((await witness.addCheckpoint(await body(other, 8, size))).status, 422);
    assert.equal(store.evidence.length, 2);
    for (const evidence of store.evidence)
      assert.equal(evidence.split(`\n${SIGNER.name}\n`).length, 3);
    assert.equal((await ask(9, 8)).status, 200, "the honest log goes on");
  });

  it("knows its logs and their keys only", async () => {
    const other = Ed25519Signer.fromSeed("other.example", new Uint8Array(32).fill(3));
    const stolen = Ed25519Signer.fromSeed(SIGNER.name, new Uint8Array(32).fill(3));
    for (const [by, status] of [
      [other, 404],
      [stolen, 403],
    ] as const) {
      const { note } = await log(3).checkpoint(by);
      const request = addCheckpointBody(digest, { old: 0, proof: [], note });
      assert.equal((await witness.addCheckpoint(request)).status, status);
    }
  });

  it("refuses what is malformed, and a proof from nothing", async () => {
    const good = await body(log(3), 0, 3);
    for (const bad of [
      "",
      "old 0\n",
      good.replace("old 0", "old 00"),
      good.replace("old 0", "old -1"),
      `x${good}`,
    ])
      assert.equal((await witness.addCheckpoint(bad)).status, 400, bad);
    const { note } = await log(3).checkpoint(SIGNER);
    const many = addCheckpointBody(digest, {
      old: 0,
      proof: Array(64).fill(new Uint8Array(32)),
      note,
    });
    assert.throws(() => parseAddCheckpoint(digest, many), { code: "malformed-add-checkpoint" });
    const one = addCheckpointBody(digest, { old: 0, proof: [new Uint8Array(32)], note });
    assert.equal((await witness.addCheckpoint(one)).status, 422);
    assert.equal(store.notes.size, 0);
  });

  it("never goes back, however requests overlap", async () => {
    await ask(3, 0);
    const sizes = [8, 5, 8, 6];
    const answers = await Promise.all(sizes.map((size) => ask(size, 3)));
    const statuses = answers.map(({ status }) => status);
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [200, 409, 409, 409],
    );
    const taken = sizes[statuses.indexOf(200)]!;
    assert.ok(store.notes.get(SIGNER.name)!.includes(`\n${taken}\n`));
  });
});
