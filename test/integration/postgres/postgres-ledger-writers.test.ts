import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { RecordedEvent } from "../../../src/domain/events.ts";
import { rootOf, subtreeRootsOf } from "../../../src/domain/ledger/merkle.ts";
import type { Ledger } from "../../../src/domain/ledger/ledger.ts";
import type { DomainError } from "../../../src/domain/shared/errors.ts";
import type { PostgresLedger } from "../../../src/infra/postgres/ledger/postgres-ledger.ts";
import { digest } from "../../support/digest.ts";
import { appendTo, context, query, revoked } from "../../support/ledger-samples.ts";
import { openPostgresLedger, placeIn } from "../../support/postgres/ledger.ts";
import { MAJORS } from "../../support/postgres/programs.ts";
import { Proxy, type Cut } from "../../support/postgres/proxy.ts";
import { postgresServer } from "../../support/postgres/server.ts";

for (const major of MAJORS)
  describe(`several writers of a PostgreSQL ${major} ledger`, () => {
    let url = "";
    const open: PostgresLedger[] = [];
    const another = async (at = url): Promise<PostgresLedger> => {
      const instance = `instance-${open.length}`;
      const ledger = await openPostgresLedger(at, { place: placeIn(at, { instance }), instance });
      open.push(ledger);
      return ledger;
    };
    beforeEach(async () => {
      url = await (await postgresServer(major)).createDatabase();
    });
    afterEach(async () => {
      await Promise.all(open.splice(0).map((ledger) => ledger.close()));
    });

    it("leave no gap, lose nothing, and hear of each other in order", async () => {
      // All at once: the tables are made by one of them.
      const ledgers = await Promise.all([another(), another(), another()]);
      const heard = ledgers.map((ledger) => {
        const events: RecordedEvent[] = [];
        ledger.subscribe((some) => events.push(...some));
        return events;
      });
      let written = 0;
      const appender = async (ledger: Ledger, n: number): Promise<void> => {
        for (let i = 0; i < 25; i += 1) {
          const request = ledger.append(
            appendTo(`s${(n + i) % 4}`, i % 5 === 0 ? i : "any", {
              events: revoked(1 + (i % 3)),
              ...(i % 2 === 0 ? { once: [`outcome:${i}`] } : {}),
            }),
          );
          const ended = await request.catch((error: DomainError) => error.code);
          if (typeof ended === "string") assert.equal(ended, "expected-version-conflict");
          else if (!ended.repeated) written += ended.events.length;
        }
      };
      await Promise.all(
        ledgers.flatMap((ledger, m) => [0, 1, 2].map((n) => appender(ledger, 3 * m + n))),
      );
      const heads = await Promise.all(ledgers.map((ledger) => ledger.head()));
      assert.deepEqual(
        heads.map(({ size }) => size),
        [written, written, written],
      );
      const stored = await contiguous(ledgers[0]!);
      for (const events of heard) assert.deepEqual(events, stored);
      const notes = await Promise.all(ledgers.map((ledger) => ledger.checkpoint()));
      assert.equal(new Set(notes.map(({ note }) => note)).size, 1);
    });

    it("answer a repeated key alike, whichever is asked", async () => {
      const [a, b] = [await another(), await another()];
      const idempotency = { key: "k", requestHash: "sha256:aa" };
      const append = appendTo("s", "any", { context: context({ idempotency }), once: ["o"] });
      const both = await Promise.all([a.append(append), b.append(append)]);
      assert.equal(both.filter(({ repeated }) => repeated).length, 1);
      assert.deepEqual(both[0].events, both[1].events);
      await b.rememberAnswer("k", "{}");
      assert.equal((await a.remembered("k"))?.answer, "{}");
    });

    for (const cut of ["question", "answer"] satisfies Cut[])
      // Where the stream is known nothing is looked up first.
      for (const [what, text, stream] of [
        ["a single statement", "outcome:cut", "known"],
        ["COMMIT under the lock", "COMMIT", "unknown"],
      ] as const)
        it(`write once when the ${cut} of ${what} is lost`, async () => {
          const { port } = await postgresServer(major);
          const proxy = await Proxy.before(port);
          try {
            const ledger = await another(url.replace(`:${port}/`, `:${proxy.port}/`));
            const other = await another();
            const heard: number[] = [];
            ledger.subscribe((events) => heard.push(...events.map(({ index }) => index)));
            await ledger.append(appendTo("known"));
            proxy.cutAt(cut, text);
            const results = await Promise.all([
              ledger.append(appendTo(stream, "any", { events: revoked(2) })),
              ledger.append(appendTo(stream, "exists", { once: ["outcome:cut"] })),
            ]);
            assert.ok(proxy.hasCut);
            assert.deepEqual(
              results.map(({ events, repeated }) => [events.length, repeated]),
              [
                [2, false],
                [1, false],
              ],
            );
            assert.equal((await contiguous(other)).length, 4);
            assert.deepEqual(heard, [0, 1, 2, 3]);
          } finally {
            await Promise.all(open.splice(0).map((one) => one.close()));
            await proxy.close();
          }
        });

    it("write once when a line is cut without a word", async () => {
      const { port } = await postgresServer(major);
      const proxy = await Proxy.before(port);
      const at = url.replace(`:${port}/`, `:${proxy.port}/`);
      const place = placeIn(at, { answerWithinMs: 300 });
      const ledger = await openPostgresLedger(at, { place });
      try {
        await ledger.append(appendTo("s"));
        proxy.silence();
        const appending = ledger.append(appendTo("s", 1));
        await pause(100);
        proxy.up();
        assert.equal((await appending).events[0]?.index, 1);
        assert.equal((await contiguous(ledger)).length, 2);
      } finally {
        await ledger.close();
        await proxy.close();
      }
    });

    it("are refused, in words, while the server cannot be reached", async () => {
      const { port } = await postgresServer(major);
      const proxy = await Proxy.before(port);
      const at = url.replace(`:${port}/`, `:${proxy.port}/`);
      const ledger = await openPostgresLedger(at, { place: placeIn(at, { patienceMs: 200 }) });
      try {
        await ledger.append(appendTo("s"));
        proxy.down();
        await assert.rejects(ledger.append(appendTo("s", 1)), { code: "ledger-write-failed" });
        await assert.rejects(ledger.read(query()), { code: "ledger-read-failed" });
        proxy.up();
        assert.equal((await ledger.append(appendTo("s", 1))).events[0]?.index, 1);
      } finally {
        await ledger.close();
        await proxy.close();
      }
    });
  });

/** Indexes and stream versions have no gaps, and the head's root is that of all leaves. */
async function contiguous(ledger: Ledger): Promise<readonly RecordedEvent[]> {
  const streams = new Map<string, number>();
  const events: RecordedEvent[] = [];
  for await (const event of ledger.readAll(0)) {
    assert.equal(event.index, events.length);
    assert.equal(event.streamVersion, streams.get(event.stream) ?? 0);
    streams.set(event.stream, event.streamVersion + 1);
    events.push(event);
  }
  const { size, root, frontier } = await ledger.head();
  const { sha256 } = digest;
  const leaves = events.map(({ leafHash }) => leafHash);
  assert.equal(size, events.length);
  assert.deepEqual(Buffer.from(root), Buffer.from(subtreeRootsOf(sha256, leaves)(0, size)));
  assert.deepEqual(rootOf(sha256, frontier), root);
  return events;
}
