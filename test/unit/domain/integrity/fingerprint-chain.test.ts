import assert from "node:assert/strict";
import type { DomainEvent, RecordedEvent } from "../../../../src/domain/events.ts";
import { fingerprintGaps } from "../../../../src/domain/integrity/fingerprint-chain.ts";
import { verificationExit } from "../../../../src/domain/ledger/verification-exit.ts";
import type { EventQuery } from "../../../../src/domain/ledger/ledger.ts";
import { recorded, registered, SHOP } from "../../../support/history.ts";

const step = (before: string, after: string, type = "StepApplied"): DomainEvent =>
  ({
    type,
    data: { fingerprintBefore: before, fingerprintAfter: after },
  }) as unknown as DomainEvent;

/** A ledger of these events, read in pages as it is asked. */
const ledgerOf = (events: readonly RecordedEvent[]) => ({
  read: async ({ after = -1, limit, types }: EventQuery) =>
    events.filter(({ index, type }) => index > after && types!.includes(type)).slice(0, limit),
});
const gaps = async (...events: readonly DomainEvent[]) =>
  (await fingerprintGaps(ledgerOf(recorded(events)))).map(({ index, databaseId }) => [
    index,
    databaseId,
  ]);

describe("the chain of fingerprints", () => {
  const start = [...registered];
  const first = "sha256:empty";

  it("is whole when each step finds what the one before left", async () => {
    assert.deepEqual(
      await gaps(...start, step(first, "a"), step("a", "b"), step("b", "a", "StepReverted")),
      [],
    );
  });

  it("breaks where an event was left out", async () => {
    assert.deepEqual(await gaps(...start, step(first, "a"), step("b", "c"), step("c", "d")), [
      [start.length + 1, SHOP],
    ]);
  });

  it("goes on from a restore, and from a drift that was adopted", async () => {
    const restored = { type: "RestoreCompleted", data: { fingerprint: "r" } } as never;
    const adopted = { type: "DriftResolved", data: { adopted: { fingerprint: "x" } } } as never;
    const gone = { type: "DriftResolved", data: {} } as never;
    assert.deepEqual(
      await gaps(
        ...start,
        step(first, "a"),
        restored,
        step("r", "b"),
        adopted,
        gone,
        step("x", "y"),
      ),
      [],
    );
    assert.deepEqual((await gaps(...start, gone, step("x", "y"))).length, 1);
  });

  it("is read in pages", async () => {
    const many = Array.from({ length: 2500 }, (_, i) => step(i === 0 ? first : `${i}`, `${i + 1}`));
    assert.deepEqual(await gaps(...start, ...many), []);
    assert.equal((await gaps(...start, ...many.with(1800, step("z", "1801")))).length, 1);
  });
});

describe("the exit code of a verification", () => {
  it("is that of the finding that counts most", () => {
    const of = (...codes: readonly string[]): number =>
      verificationExit(codes.map((code) => ({ code })));
    assert.equal(of(), 0);
    assert.equal(of("payload-missing", "kept-checkpoint-ahead"), 21);
    assert.equal(of("kept-checkpoint-ahead", "kept-checkpoint-differs"), 20);
    assert.equal(of("kept-checkpoint-differs", "payload-differs"), 10);
    assert.equal(verificationExit([{ code: "drift", database: "shop" }]), 50);
    assert.equal(verificationExit([{ code: "ledger-behind-database", database: "shop" }]), 21);
  });
});
