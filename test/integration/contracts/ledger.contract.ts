import assert from "node:assert/strict";
import fc from "fast-check";
import type { RecordedEvent } from "../../../src/domain/events.ts";
import { openCheckpoint } from "../../../src/domain/ledger/checkpoint.ts";
import type { ExpectedVersion, Ledger } from "../../../src/domain/ledger/ledger.ts";
import { rootOf, subtreeRootsOf } from "../../../src/domain/ledger/merkle.ts";
import type { CheckSignature } from "../../../src/domain/ledger/note.ts";
import { parseVerifierKey } from "../../../src/domain/ledger/verifier-key.ts";
import type { Clock } from "../../../src/domain/shared/clock.ts";
import type { DomainError } from "../../../src/domain/shared/errors.ts";
import { digest } from "../../support/digest.ts";
import {
  ACTOR,
  appendTo,
  context,
  query,
  released,
  revoked,
} from "../../support/ledger-samples.ts";

/** A ledger under test. */
export interface LedgerUnderTest {
  /** Opens it, or opens it again after `close`; the same events are there. */
  open(clock?: Clock): Promise<Ledger>;
  /** Of the signer that the ledger was opened with. */
  readonly verifierKey: string;
  readonly check: CheckSignature;
  /** Removes all that is left of it. */
  dispose(): Promise<void>;
}

/** What every ledger must do, whatever stores it. */
export function ledgerContract(name: string, create: () => LedgerUnderTest): void {
  describe(`${name} as a ledger`, () => {
    let subject: LedgerUnderTest;
    let ledger: Ledger;
    beforeEach(async () => {
      subject = create();
      ledger = await subject.open();
    });
    afterEach(async () => {
      await ledger.close();
      await subject.dispose();
    });

    describe("appending", () => {
      it("gives indexes, stream versions and circumstances", async () => {
        await ledger.append(appendTo("service", "none"));
        const { events, repeated } = await ledger.append(
          appendTo("database:a", "none", {
            events: [released("first"), released("second")],
            context: context({ correlation: "run-1", causation: "cause-1" }),
          }),
        );
        assert.equal(repeated, false);
        assert.deepEqual(
          events.map((e) => [e.index, e.stream, e.streamVersion, e.type, e.data]),
          [
            [1, "database:a", 0, "DatabaseReleased", { reason: "first" }],
            [2, "database:a", 1, "DatabaseReleased", { reason: "second" }],
          ],
        );
        const event = events[0]!;
        assert.deepEqual(event.actor, { id: ACTOR, kind: "user" });
        assert.equal(event.correlation, "run-1");
        assert.equal(event.causation, "cause-1");
        assert.match(event.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/);
        assert.match(event.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.deepEqual(event.context.authn, { method: "api-key", keyId: "key-1" });
        assert.equal(event.context.requestId, "request-1");
      });

      it("reads back exactly what it gave, also after a reopening", async () => {
        const events = await appended(ledger, 3);
        assert.deepEqual(await ledger.read(query()), events);
        await ledger.close();
        ledger = await subject.open();
        assert.deepEqual(await ledger.read(query()), events);
        const next = await ledger.append(appendTo("service", 3));
        assert.equal(next.events[0]?.index, 3);
      });

      it("takes undefined members for absent ones", async () => {
        const event = released("because");
        const data = { ...event.data, note: undefined };
        const { events } = await ledger.append(
          appendTo("service", "any", { events: [{ ...event, data } as typeof event] }),
        );
        assert.deepEqual(events[0]?.data, { reason: "because" });
        assert.deepEqual(await ledger.read(query()), events);
      });

      it("gives folds the same, whatever the context says", async () => {
        const userAgent = 'x"},"data":{"reason":"not this"},"y":{"';
        const source = { ip: "127.0.0.1", userAgent };
        const hostile = context({ source, requestId: '},"data":' });
        const events = [released('},"data":'), released("b")];
        await ledger.append(appendTo("database:a", "any", { events, context: hostile }));
        const read = await ledger.read(query());
        const expected = read.map(({ type, data, index, stream, streamVersion, time, actor }) =>
          Object.assign(
            { type, data, index, stream, streamVersion, time },
            { actor: { id: actor.id } },
          ),
        );
        const found: unknown[] = [];
        for await (const chunk of ledger.readForFold(0)) found.push(...chunk);
        assert.deepEqual(found, expected);
        for await (const chunk of ledger.readForFold(1)) assert.equal(chunk[0]?.index, 1);
      });

      it("keeps text of every kind", async () => {
        const reason = 'quotes " \\ newline \n nul \u0000 accents é € emoji 🙂 \u2028';
        await ledger.append(appendTo("service", "any", { events: [released(reason)] }));
        assert.deepEqual((await ledger.read(query()))[0]?.data, { reason });
      });

      it("refuses what has no JSON form and writes nothing", async () => {
        for (const reason of ["lone \ud800", Number.NaN as unknown as string]) {
          const append = appendTo("service", "any", { events: [released(reason)] });
          await refused(ledger.append(append), "event-not-json");
        }
        assert.equal((await ledger.head()).size, 0);
      });

      it("refuses a leaf that is too large, alone in its group", async () => {
        const large = appendTo("service", "any", {
          events: [...revoked(1), ...revoked(1)],
          context: context({ correlation: "x".repeat(65_535) }),
        });
        const before = ledger.append(appendTo("service"));
        const failing = ledger.append(large);
        const after = ledger.append(appendTo("service"));
        await refused(failing, "leaf-too-large");
        assert.equal((await before).events[0]?.index, 0);
        assert.equal((await after).events[0]?.index, 1);
      });

      it("takes a leaf of exactly the greatest size", async () => {
        const probe = "p".repeat(1000);
        const leafBytes = async (correlation: string): Promise<boolean> => {
          const append = appendTo("service", "any", { context: context({ correlation }) });
          return await ledger.append(append).then(
            () => true,
            () => false,
          );
        };
        assert.equal(await leafBytes(probe), true);
        let low = 1000;
        let high = 65_535;
        while (high - low > 1) {
          const middle = Math.floor((low + high) / 2);
          if (await leafBytes("p".repeat(middle))) low = middle;
          else high = middle;
        }
        assert.ok(low > 65_000 && low < 65_535);
      });

      it("refuses appends once it is closed", async () => {
        await ledger.close();
        await refused(ledger.append(appendTo("service")), "ledger-closed");
        await refused(ledger.read(query()), "ledger-closed");
        await ledger.close();
      });

      it("settles what was submitted before close", async () => {
        const pending = ledger.append(appendTo("service"));
        await ledger.close();
        assert.equal((await pending).events.length, 1);
        ledger = await subject.open();
        assert.equal((await ledger.head()).size, 1);
      });
    });

    describe("expected versions", () => {
      const cases: readonly (readonly [ExpectedVersion, existing: number, accepted: boolean])[] = [
        ["none", 0, true],
        ["none", 2, false],
        ["exists", 0, false],
        ["exists", 2, true],
        ["any", 0, true],
        ["any", 2, true],
        [0, 0, true],
        [2, 2, true],
        [1, 2, false],
        [3, 2, false],
      ];
      for (const [expected, existing, accepted] of cases) {
        const verb = accepted ? "accepts" : "refuses";
        it(`${verb} ${expected} for a stream of ${existing}`, async () => {
          if (existing > 0) await appended(ledger, existing);
          const append = ledger.append(appendTo("service", expected));
          if (accepted) assert.equal((await append).events[0]?.streamVersion, existing);
          else {
            const error = await refused(append, "expected-version-conflict");
            assert.equal(error.details["actual"], existing);
            assert.equal((await ledger.head()).size, existing);
          }
        });
      }

      it("are enforced between appends of one group", async () => {
        const results = await Promise.allSettled([
          ledger.append(appendTo("a", "none")),
          ledger.append(appendTo("a", "none")),
          ledger.append(appendTo("a", 1)),
          ledger.append(appendTo("b", "exists")),
          ledger.append(appendTo("b", 0)),
          ledger.append(appendTo("b", "exists")),
        ]);
        const outcome = [
          "fulfilled",
          "rejected",
          "fulfilled",
          "rejected",
          "fulfilled",
          "fulfilled",
        ];
        assert.deepEqual(
          results.map((r) => r.status),
          outcome,
        );
        assert.equal((await ledger.head()).size, 4);
        await contiguous(ledger);
      });
    });

    describe("repeating", () => {
      it("writes once under a once key and gives the first events again", async () => {
        const append = appendTo("service", 0, { once: ["outcome:1"] });
        const [first, second] = await Promise.all([ledger.append(append), ledger.append(append)]);
        const third = await ledger.append(append);
        assert.deepEqual([first.repeated, second.repeated, third.repeated], [false, true, true]);
        assert.deepEqual(second.events, first.events);
        assert.deepEqual(third.events, first.events);
        assert.equal((await ledger.head()).size, 1);
      });

      it("writes nothing under keys of which one is known", async () => {
        const first = await ledger.append(appendTo("service", 0, { once: ["outcome:1"] }));
        const both = appendTo("service", "any", { once: ["outcome:0", "outcome:1"] });
        const second = await ledger.append(both);
        assert.deepEqual([second.repeated, second.events], [true, first.events]);
        assert.equal((await ledger.head()).size, 1);
        const free = appendTo("service", "any", { once: ["outcome:0", "outcome:2"] });
        assert.equal((await ledger.append(free)).repeated, false);
      });

      it("knows an idempotency key after a reopening", async () => {
        const idempotency = { key: "actor:key", requestHash: "sha256:aa" };
        const append = appendTo("service", 0, { context: context({ idempotency }) });
        const first = await ledger.append(append);
        await ledger.close();
        ledger = await subject.open();
        const second = await ledger.append(append);
        assert.equal(second.repeated, true);
        assert.deepEqual(second.events, first.events);
      });

      it("refuses an idempotency key with another request", async () => {
        const keyed = (requestHash: string) =>
          appendTo("service", "any", {
            context: context({ idempotency: { key: "k", requestHash } }),
          });
        const [first, second] = await Promise.allSettled([
          ledger.append(keyed("sha256:aa")),
          ledger.append(keyed("sha256:bb")),
        ]);
        assert.equal(first.status, "fulfilled");
        assert.equal(second.status, "rejected");
        await refused(ledger.append(keyed("sha256:cc")), "idempotency-key-reused");
        assert.equal((await ledger.head()).size, 1);
      });

      it("remembers a key without events, and its first answer", async () => {
        const idempotency = { key: "k", requestHash: "sha256:aa" };
        await ledger.append(
          appendTo("s", "any", { events: [], context: context({ idempotency }) }),
        );
        const none = { requestHash: "sha256:aa", firstIndex: null, answer: undefined };
        assert.deepEqual(await ledger.remembered("k"), none);
        await ledger.rememberAnswer("k", '{"id":1}');
        await ledger.rememberAnswer("k", '{"id":2}');
        assert.equal((await ledger.remembered("k"))?.answer, '{"id":1}');
        await ledger.close();
        ledger = await subject.open();
        await ledger.rememberAnswer("k", '{"id":3}');
        assert.equal((await ledger.remembered("k"))?.answer, '{"id":1}');
        assert.equal(await ledger.remembered("other"), undefined);
        await refused(ledger.rememberAnswer("other", "{}"), "idempotency-key-unknown");
      });
    });

    describe("contents", () => {
      it("are kept once, by digest", async () => {
        const content = { digest: digest.ofText("CREATE TABLE t(x)"), text: "CREATE TABLE t(x)" };
        await ledger.append(appendTo("a", "any", { contents: [content, content] }));
        await ledger.append(appendTo("a", "any", { contents: [content] }));
        assert.equal(await ledger.content(content.digest), content.text);
        assert.equal(await ledger.content("sha256:00"), undefined);
      });

      it("are refused under a wrong digest", async () => {
        const contents = [{ digest: digest.ofText("a"), text: "b" }];
        await refused(ledger.append(appendTo("a", "any", { contents })), "content-digest-wrong");
        assert.equal((await ledger.head()).size, 0);
      });
    });

    it("streams on while others append", async () => {
      await appended(ledger, 600);
      const indexes: number[] = [];
      for await (const event of ledger.readAll(0)) {
        indexes.push(event.index);
        if (event.index % 300 === 299 && indexes.length < 1200) await appended(ledger, 300);
      }
      assert.deepEqual(indexes, Array.from(indexes.keys()));
      assert.ok(indexes.length >= 1200);
    });

    it("tells subscribers in order, before the appender knows", async () => {
      const heard: number[] = [];
      const stop = ledger.subscribe((events) => heard.push(...events.map((e) => e.index)));
      const known = await Promise.all(
        [1, 2, 3].map(async (count) => {
          const { events } = await ledger.append(
            appendTo("s", "any", { events: revoked(count), once: [`o${count}`] }),
          );
          return events.every((event) => heard.includes(event.index));
        }),
      );
      assert.deepEqual(known, [true, true, true]);
      assert.deepEqual(heard, [0, 1, 2, 3, 4, 5]);
      await ledger.append(appendTo("s", "any", { once: ["o1"] }));
      assert.equal(heard.length, 6);
      stop();
      await ledger.append(appendTo("s"));
      assert.equal(heard.length, 6);
    });

    it("signs its head", async () => {
      const key = parseVerifierKey(digest, subject.verifierKey);
      for (const count of [0, 1, 2, 5]) {
        if (count > 0) await appended(ledger, count);
        const checkpoint = await ledger.checkpoint();
        const { frontier, ...head } = await ledger.head();
        assert.deepEqual(openCheckpoint(digest, checkpoint.note, [key], subject.check), head);
        assert.deepEqual(rootOf(digest.sha256, frontier), head.root);
        assert.equal(checkpoint.size, head.size);
        assert.deepEqual(checkpoint.root, head.root);
      }
      const { note } = await ledger.checkpoint();
      await ledger.close();
      ledger = await subject.open();
      assert.equal((await ledger.checkpoint()).note, note);
    });

    it("stays whole under any interleaving of appenders", async () => {
      const append = fc.record({
        stream: fc.constantFrom("a", "b", "c"),
        expected: fc.constantFrom<ExpectedVersion>("none", "exists", "any", 0, 1, 2, 3, 4),
        count: fc.integer({ min: 0, max: 4 }),
        once: fc.option(fc.subarray(["x", "y"], { minLength: 1 }), { nil: undefined }),
        pause: fc.boolean(),
      });
      const appends = fc.array(append, { minLength: 1, maxLength: 25 });
      await fc.assert(
        fc.asyncProperty(appends, async (plan) => {
          const before = (await ledger.head()).size;
          const pending: Promise<unknown>[] = [];
          let written = 0;
          for (const { stream, expected, count, once, pause } of plan) {
            const request = ledger.append(
              appendTo(stream, expected, {
                events: revoked(count),
                ...(once === undefined ? {} : { once }),
              }),
            );
            pending.push(
              request.then(
                ({ events, repeated }) => {
                  if (!repeated) written += events.length;
                },
                (error: DomainError) => assert.equal(error.code, "expected-version-conflict"),
              ),
            );
            if (pause) await request.catch(() => undefined);
          }
          await Promise.all(pending);
          assert.equal((await ledger.head()).size, before + written);
          await contiguous(ledger);
        }),
        { numRuns: 25 },
      );
    });
  });

  /** Nothing is written here: one ledger is enough. */
  describe(`${name}, reading`, () => {
    let subject: LedgerUnderTest;
    let ledger: Ledger;
    const start = Date.parse("2026-01-01T00:00:00.000Z");
    /** Minutes of the events' times; the clock goes back twice. */
    const minutes = [0, 1, 2, 3, 2, 5, 6, 4, 8, 9, 9, 11];
    const at = (minute: number): string => new Date(start + minute * 60_000).toISOString();
    let all: readonly RecordedEvent[];

    before(async () => {
      subject = create();
      let minute = 0;
      const clock = { now: () => at(minute), elapsed: () => 0, sleep: async () => {} };
      ledger = await subject.open(clock);
      const events: RecordedEvent[] = [];
      for (const [i, m] of minutes.entries()) {
        minute = m;
        const added = await ledger.append(
          appendTo(i % 3 === 0 ? "service" : `database:${i % 2}`, "any", {
            events: i % 4 === 0 ? [released("x")] : revoked(1),
            context: context({
              actor: { id: i % 5 === 0 ? "act_b" : "act_a", kind: "service" },
              correlation: `run-${i % 2}`,
            }),
          }),
        );
        events.push(...added.events);
      }
      all = events;
    });
    after(async () => {
      await ledger.close();
      await subject.dispose();
    });

    const filters: Readonly<Record<string, Parameters<typeof query>[0]>> = {
      nothing: {},
      stream: { stream: "database:1" },
      "no such stream": { stream: "database:none" },
      "one type": { types: ["KeyRevoked"] },
      "two types": { types: ["KeyRevoked", "DatabaseReleased"] },
      "no type": { types: [] },
      actor: { actor: "act_a" },
      correlation: { correlation: "run-1" },
      "from a time": { from: at(4) },
      "to a time": { to: at(4) },
      "a span of time": { from: at(2), to: at(6) },
      "a span in another notation": { from: "2026-01-01T01:02:00+01:00", to: at(4) },
      "stream and time": { stream: "service", from: at(3), to: at(9) },
      "types and time": { types: ["KeyRevoked", "DatabaseReleased"], from: at(2), to: at(4) },
      "everything at once": {
        stream: "database:1",
        types: ["KeyRevoked", "LedgerOpened"],
        actor: "act_a",
        correlation: "run-1",
        from: at(0),
        to: at(9),
      },
    };
    for (const [what, filter] of Object.entries(filters)) {
      for (const order of ["asc", "desc"] as const) {
        it(`filters by ${what}, ${order}, in one page or many`, async () => {
          const matching = all.filter((event) => matches(event, filter ?? {}));
          const expected = order === "asc" ? matching : matching.toReversed();
          assert.deepEqual(await ledger.read(query({ ...filter, order })), expected);
          const paged: RecordedEvent[] = [];
          for (;;) {
            const after = paged.at(-1)?.index;
            const page = await ledger.read(
              query({ ...filter, order, limit: 2, ...(after === undefined ? {} : { after }) }),
            );
            if (page.length === 0) break;
            paged.push(...page);
          }
          assert.deepEqual(paged, expected);
        });
      }
    }

    it("refuses a bound that is no time", async () => {
      await refused(ledger.read(query({ from: "yesterday" })), "invalid-time");
    });

    it("streams from an index on", async () => {
      const found: RecordedEvent[] = [];
      for await (const event of ledger.readAll(3)) found.push(event);
      assert.deepEqual(found, all.slice(3));
    });
  });
}

async function appended(ledger: Ledger, count: number): Promise<readonly RecordedEvent[]> {
  return (await ledger.append(appendTo("service", "any", { events: revoked(count) }))).events;
}

async function refused(promise: Promise<unknown>, code: string): Promise<DomainError> {
  let found: DomainError | undefined;
  await assert.rejects(promise, (error: DomainError) => {
    found = error;
    assert.equal(error.code, code);
    return true;
  });
  return found!;
}

/** Indexes and stream versions have no gaps, and the head's root is that of all leaves. */
async function contiguous(ledger: Ledger): Promise<void> {
  const streams = new Map<string, number>();
  const leaves: Uint8Array[] = [];
  for await (const event of ledger.readAll(0)) {
    assert.equal(event.index, leaves.length);
    assert.equal(event.streamVersion, streams.get(event.stream) ?? 0);
    streams.set(event.stream, event.streamVersion + 1);
    leaves.push(event.leafHash);
  }
  const head = await ledger.head();
  assert.equal(head.size, leaves.length);
  assert.deepEqual(
    Buffer.from(head.root),
    Buffer.from(subtreeRootsOf(digest.sha256, leaves)(0, leaves.length)),
  );
}

function matches(event: RecordedEvent, filter: NonNullable<Parameters<typeof query>[0]>): boolean {
  return (
    (filter.stream === undefined || event.stream === filter.stream) &&
    (filter.types === undefined || filter.types.includes(event.type)) &&
    (filter.actor === undefined || event.actor.id === filter.actor) &&
    (filter.correlation === undefined || event.correlation === filter.correlation) &&
    (filter.from === undefined || Date.parse(event.time) >= Date.parse(filter.from)) &&
    (filter.to === undefined || Date.parse(event.time) <= Date.parse(filter.to))
  );
}
