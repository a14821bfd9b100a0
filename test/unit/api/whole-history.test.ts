import assert from "node:assert/strict";
import type { AuditRow } from "../../../src/domain/audit/audit-log.ts";
import type { EventQuery } from "../../../src/domain/ledger/ledger.ts";
import type { Context } from "../../../src/domain/shared/actor.ts";
import type { DownloadAnswer } from "../../../src/api/route.ts";
import type { Services } from "../../../src/api/services.ts";
import { WholeHistories, type Sent } from "../../../src/api/whole-history.ts";
import type { Views } from "../../../src/api/views/views.ts";

/** A ledger that grows while it is read, and a key that can be revoked. */
function world(size: number) {
  const state = { size, good: true, reads: [] as EventQuery[] };
  const rows = (query: EventQuery): AuditRow[] => {
    state.reads.push(query);
    const all = Array.from({ length: state.size }, (_, index) => ({ index }) as AuditRow);
    const { after, order, limit } = query;
    const wanted = all.filter(
      ({ index }) => after === undefined || (order === "asc" ? index > after : index < after),
    );
    return (order === "asc" ? wanted : wanted.toReversed()).slice(0, limit);
  };
  const services = {
    audit: { rows },
    ledger: { head: () => Promise.resolve({ size: state.size }) },
    identity: { clock: { now: () => "2026-01-01T00:00:00.000Z" } },
  } as unknown as Services;
  const views = {
    keys: { isGood: () => state.good },
    events: {
      rows: (of: readonly AuditRow[]) => Promise.resolve(of.map(({ index }) => `${index}`)),
    },
  } as unknown as Views;
  const histories = new WholeHistories(services, views);
  const noted: Sent[] = [];
  const ask = (actor: string, filter: Omit<EventQuery, "limit"> = { order: "asc" }) =>
    histories.answer({
      filter,
      type: "application/x-ndjson",
      context: { actor: { id: actor, kind: "user" }, authn: { method: "api-key" } } as Context,
      note: (sent) => noted.push(sent),
    });
  return { state, ask, noted };
}

async function take(answer: DownloadAnswer): Promise<number[]> {
  try {
    let text = "";
    for await (const chunk of answer.chunks) text += String(chunk);
    return text.split("\n").slice(0, -1).map(Number);
  } finally {
    answer.release();
  }
}

describe("whole histories", () => {
  it("end with the newest event of the moment they were asked for", async () => {
    for (const order of ["asc", "desc"] as const) {
      const { state, ask, noted } = world(1000);
      const answer = await ask("ada", { order });
      assert.equal(answer.headers!["Ledger-Size"], "1000");
      state.size = 1600;
      const found = await take(answer);
      const expected = Array.from({ length: 1000 }, (_, n) => n);
      assert.deepEqual(found, order === "asc" ? expected : expected.toReversed());
      assert.equal(noted.length, 1);
      assert.equal(noted[0]!.items, 1000);
      assert.equal(answer.trailers!()["Event-Count"], "1000");
    }
  });

  it("go on where they are asked to", async () => {
    const { ask } = world(600);
    assert.deepEqual(await take(await ask("ada", { order: "asc", after: 597 })), [598, 599]);
    assert.deepEqual(await take(await ask("ada", { order: "desc", after: 2 })), [1, 0]);
    assert.deepEqual(
      await take(await ask("ada", { order: "desc", after: 9000 })).then((all) => all[0]),
      599,
    );
    assert.deepEqual(await take(await ask("ada", { order: "asc", after: 9000 })), []);
  });

  it("are read no further than they are taken", async () => {
    const { state, ask, noted } = world(5000);
    const answer = await ask("ada");
    for await (const _chunk of answer.chunks) break;
    answer.release();
    assert.equal(state.reads.length, 1);
    assert.deepEqual(noted, [{ items: 250, brokenOff: true }]);
  });

  it("break off when the key is revoked meanwhile", async () => {
    const { state, ask, noted } = world(1000);
    const answer = await ask("ada");
    const taken = (async () => {
      for await (const _chunk of answer.chunks) state.good = false;
    })();
    await assert.rejects(taken, { code: "token-revoked" });
    answer.release();
    assert.deepEqual(noted, [{ items: 250, brokenOff: true }]);
  });

  it("are four at once for one reader, whoever reads beside", async () => {
    const { ask } = world(10);
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask("ada")));
    await assert.rejects(ask("ada"), { code: "exports-busy" });
    assert.equal((await take(await ask("bob"))).length, 10);
    answers[0]!.release();
    assert.equal((await take(await ask("ada"))).length, 10);
  });
});
