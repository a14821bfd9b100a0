import assert from "node:assert/strict";
import type { DomainEvent } from "../../../../src/domain/events.ts";
import type { Ledger } from "../../../../src/domain/ledger/ledger.ts";
import { QuietRecorder } from "../../../../src/domain/service/quiet-recorder.ts";
import type { Context } from "../../../../src/domain/shared/actor.ts";
import type { Clock } from "../../../../src/domain/shared/clock.ts";

const context: Context = {
  actor: { id: "act_0", kind: "user" },
  authn: { method: "none" },
  source: {},
  requestId: "r",
};

interface Appended {
  readonly stream: string;
  readonly events: readonly DomainEvent[];
}

describe("QuietRecorder", () => {
  const appended: Appended[] = [];
  let wake: (() => void)[] = [];
  const reported: unknown[] = [];
  let recorder: QuietRecorder;

  beforeEach(() => {
    appended.length = 0;
    reported.length = 0;
    wake = [];
    recorder = new QuietRecorder({
      ledger: {
        append: (append: Appended) => {
          if (append.stream === "broken") return Promise.reject(new Error("full"));
          appended.push(append);
          return Promise.resolve();
        },
      } as unknown as Ledger,
      clock: {
        sleep: () => new Promise<void>((resolve) => wake.push(resolve)),
      } as unknown as Clock,
      report: (error) => reported.push(error),
    });
  });

  const note = (key: string, stream = "service"): Promise<void> =>
    recorder.note({
      key,
      stream,
      context,
      event: (repeated) => ({
        type: "AccessRefused",
        data: { code: key, route: "r", ...(repeated === 0 ? {} : { repeated }) },
      }),
    });
  const told = (): (readonly [string, string, number | undefined])[] =>
    appended.map(({ stream, events: [event] }) => {
      const { code, repeated } = event!.data as { code: string; repeated?: number };
      return [stream, code, repeated];
    });

  it("records the first at once and the number of the others when it was quiet long enough", async () => {
    for (let i = 0; i < 5; i++) await note("a");
    assert.deepEqual(told(), [["service", "a", undefined]]);
    wake.forEach((go) => go());
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(told().at(-1), ["service", "a", 4]);
    await note("a");
    assert.deepEqual(told().at(-1), ["service", "a", undefined]);
  });

  it("counts together what comes beyond a hundred of one stream, and tells other streams apart", async () => {
    for (let i = 0; i < 150; i++) await note(`code ${i}`);
    assert.equal(appended.length, 101);
    await note("self-approval", "database:1");
    assert.deepEqual(told().at(-1), ["database:1", "self-approval", undefined]);
    await recorder.stop();
    assert.deepEqual(told().at(-1), ["service", "code 100", 49]);
  });

  it("reports what cannot be recorded, and fails nobody", async () => {
    await note("a", "broken");
    assert.equal(reported.length, 1);
  });
});
