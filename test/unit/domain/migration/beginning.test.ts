import assert from "node:assert/strict";
import { NotAdmitted, recordBeginning } from "../../../../src/domain/migration/beginning.ts";
import { Conflict } from "../../../../src/domain/shared/errors.ts";
import type { Job } from "../../../../src/domain/migration/step-runner.ts";
import type { Recorder } from "../../../../src/domain/shared/recorder.ts";
import { event, given, registered } from "../../../support/history.ts";

const started = event("RunStarted", { runId: "r", fingerprint: "sha256:empty" });

describe("the beginning of a run", () => {
  const [database] = given(...registered).databases.values();
  const job = { database: database! } as Pick<Job, "database" | "context">;
  const expected: unknown[] = [];
  /** What others append before it is written, one for each try. */
  let others = 0;
  const recorder = {
    record: (_id: string, _events: unknown, _context: unknown, options: { expected: number }) => {
      expected.push(options.expected);
      if (others-- <= 0) return Promise.resolve([]);
      database!.streamVersion += 1;
      return Promise.reject(new Conflict("expected-version-conflict", "moved"));
    },
  } as unknown as Recorder;

  beforeEach(() => {
    expected.length = 0;
  });

  it("is recorded at the version that it was admitted at", async () => {
    const at = database!.streamVersion;
    await recordBeginning({ recorder }, job, () => Promise.resolve(true), [started]);
    assert.deepEqual(expected, [at]);
  });

  it("is decided anew when something was appended meanwhile", async () => {
    others = 1;
    const at = database!.streamVersion;
    // A policy that demands an approval came between the decision and the record.
    const admits = [true, false];
    const begun = recordBeginning({ recorder }, job, () => Promise.resolve(admits.shift()!), [
      started,
    ]);
    await assert.rejects(begun, NotAdmitted);
    assert.deepEqual(expected, [at]);
  });

  it("takes the version from before the decision", async () => {
    const at = database!.streamVersion;
    const admit = (): Promise<boolean> => {
      database!.streamVersion += 1;
      return Promise.resolve(true);
    };
    await recordBeginning({ recorder }, job, admit, [started]);
    assert.deepEqual(expected, [at]);
  });
});
