import assert from "node:assert/strict";
import { AccessLog, type AuditReads } from "../../../../src/domain/audit/access-log.ts";
import type { AuditEvents } from "../../../../src/domain/audit/events.ts";
import type { Append, Appended } from "../../../../src/domain/ledger/ledger.ts";
import type { Context } from "../../../../src/domain/shared/actor.ts";

const reader = (id: string): Context => ({
  actor: { id, kind: "user" },
  authn: { method: "api-key", keyId: "k" },
  source: {},
  requestId: `request of ${id}`,
});

/** A clock that stands until it is told to go on, and what was appended meanwhile. */
function world(reads: AuditReads = "all") {
  let now = 0;
  const waiting: { readonly at: number; readonly wake: () => void }[] = [];
  const appended: Append[] = [];
  const failures: unknown[] = [];
  const clock = {
    now: () => new Date(now).toISOString(),
    elapsed: () => now,
    sleep: (ms: number) =>
      new Promise<void>((wake) => {
        waiting.push({ at: now + ms, wake });
      }),
  };
  const ledger = {
    broken: false,
    append: (append: Append): Promise<Appended> => {
      if (ledger.broken) return Promise.reject(new Error("full disk"));
      appended.push(append);
      return Promise.resolve({ events: [], repeated: false });
    },
  };
  const log = new AccessLog(ledger, clock, reads, (error) => failures.push(error));
  const pass = async (ms: number): Promise<void> => {
    now += ms;
    for (const { at, wake } of waiting) if (at <= now) wake();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  };
  const recorded = (): AuditEvents["AuditAccessed"][] =>
    appended.map(({ events }) => events[0]!.data as AuditEvents["AuditAccessed"]);
  return { log, pass, recorded, appended, ledger, failures };
}

const read = { operation: "listEvents", query: {}, format: "application/json", items: 3 };

describe("the record of reads", () => {
  it("tells the first read within a second, by whom and of what", async () => {
    const { log, pass, recorded, appended } = world();
    log.note(reader("ada"), { ...read, query: { database: "shop" } });
    await pass(999);
    assert.deepEqual(recorded(), []);
    await pass(1);
    assert.equal(appended[0]!.context.actor.id, "ada");
    assert.equal(appended[0]!.stream, "service");
    assert.deepEqual(recorded()[0], {
      answers: 1,
      from: "1970-01-01T00:00:00.000Z",
      to: "1970-01-01T00:00:00.000Z",
      shown: [
        {
          time: "1970-01-01T00:00:00.000Z",
          ...read,
          query: { database: "shop" },
          requestId: "request of ada",
        },
      ],
    });
  });

  it("counts every read and tells the first ones of many", async () => {
    const { log, pass, recorded } = world();
    for (let n = 0; n < 500; n += 1) log.note(reader("ada"), read);
    await pass(1000);
    const [one] = recorded();
    assert.equal(one!.answers, 500);
    assert.equal(one!.shown.length, 20);
  });

  it("does not let a reader who never stops fill the ledger", async () => {
    const { log, pass, recorded } = world();
    for (let turn = 0; turn < 720; turn += 1) {
      log.note(reader("poller"), read);
      await pass(5000);
    }
    await log.flush();
    assert.ok(recorded().length < 20, `${recorded().length} events an hour`);
    assert.equal(
      recorded().reduce((sum, { answers }) => sum + answers, 0),
      720,
    );
  });

  it("begins anew with a reader who was away", async () => {
    const { log, pass, recorded } = world();
    log.note(reader("ada"), read);
    await pass(1000);
    await pass(3_600_000);
    log.note(reader("ada"), read);
    await pass(1000);
    assert.equal(recorded().length, 2);
  });

  it("keeps readers apart, records what is left when it ends", async () => {
    const { log, recorded, appended } = world();
    log.note(reader("ada"), read);
    log.note(reader("bob"), read);
    await log.flush();
    assert.deepEqual(
      appended.map(({ context }) => context.actor.id),
      ["ada", "bob"],
    );
    await log.flush();
    assert.equal(recorded().length, 2);
  });

  it("records only what is made for taking away, if told so", async () => {
    const { log, recorded } = world("exports");
    log.note(reader("ada"), read);
    log.note(reader("ada"), { ...read, format: "text/csv" });
    await log.flush();
    assert.deepEqual(
      recorded().map(({ answers, shown }) => [answers, shown[0]!.format]),
      [[1, "text/csv"]],
    );
  });

  it("tells one in so many and every export, and counts them all, if told so", async () => {
    const { log, recorded } = world("sample:10");
    for (let n = 0; n < 25; n += 1) log.note(reader("ada"), { ...read, items: n });
    log.note(reader("ada"), { ...read, items: 25, sha256: "sha256:x" });
    log.note(reader("ada"), { ...read, items: 26, format: "text/csv" });
    await log.flush();
    const [one] = recorded();
    assert.equal(one!.answers, 27);
    assert.deepEqual(
      one!.shown.map(({ items }) => items),
      [0, 10, 20, 25, 26],
    );
  });

  it("takes a whole history for an export, whatever its format", async () => {
    const { log, recorded } = world("exports");
    log.note(reader("ada"), { ...read, brokenOff: true });
    log.note(reader("ada"), { ...read, sha256: "sha256:x" });
    await log.flush();
    assert.equal(recorded()[0]!.answers, 2);
  });

  it("says when it cannot record", async () => {
    const { log, ledger, failures } = world();
    ledger.broken = true;
    log.note(reader("ada"), read);
    await log.flush();
    assert.equal(failures.length, 1);
  });
});
