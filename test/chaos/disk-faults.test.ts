import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { extent, LONG } from "../support/chaos/extent.ts";
import { FaultyChild } from "../support/faults/faulty-child.ts";
import { compileShim, FAULTS, type Fault } from "../support/faults/shim.ts";
import { SUBJECT_NAMES, type SubjectName } from "../support/faults/subjects/all.ts";
import { sweep, type Strike } from "../support/faults/sweep.ts";
import { faultDirectory, Trial } from "../support/faults/trial.ts";

/*
 * Real processes, in each of which one call to the disk is struck: it is killed before, after, or in the
 * middle of it; or the call fails once, or from then on. Afterwards everything is as it was before or as
 * it was to become, what was acknowledged is there, and one can go on.
 */

/** What a process may say when its disk fails it. */
const TOLD = new Set([
  "done",
  "killed",
  "io-error",
  "disk-full",
  "backup-store-failed",
  "backup-store-full",
  "ledger-open-failed",
  "ledger-write-failed",
]);

/** Killed after a call is the same disk as killed before the next. */
const kills = (mode: Fault): boolean => mode === "kill-after";

/** What the short form tries, with a few strikes each. */
const SHORT = new Set<SubjectName>(["step, wal", "backup"]);

function strikesOn(points: number, turn: number): Strike[] {
  const all = FAULTS.flatMap((mode) =>
    Array.from({ length: points }, (_, at) => ({ mode, at })).filter(
      ({ at }) => !kills(mode) || at === points - 1,
    ),
  );
  const each = Math.floor(all.length / 4);
  return LONG ? all : all.filter((_, n) => n % each === (turn * 5) % each);
}

describe("Faults of the disk at every call", function () {
  this.timeout(LONG ? 300_000 : 30_000);
  const directory = faultDirectory();
  let shim: string;

  before(function () {
    const compiled = compileShim(directory);
    if (typeof compiled === "string") {
      console.log(`      The disk is not made to fail: ${compiled}`);
      return this.skip();
    }
    shim = compiled.path;
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const newChild = (): FaultyChild => new FaultyChild({ shim }, directory);

  const names = SUBJECT_NAMES.filter((name) => LONG || SHORT.has(name));
  for (const [turn, name] of names.entries())
    it(`leave old or new: ${name}`, async () => {
      const trial = await Trial.of(name, directory);
      const child = newChild();
      const { points } = await trial.record(child);
      await child.end();
      const strikes = strikesOn(points, turn);
      const { outcomes, wrong } = await sweep(trial, strikes, newChild, extent(1, 3));
      assert.deepEqual(wrong, []);
      const told = [...outcomes.keys()];
      assert.deepEqual(
        told.filter((one) => !TOLD.has(one)),
        [],
      );
      // A kit that strikes nothing would find nothing.
      const struck = strikes.length - (outcomes.get("done") ?? 0);
      assert(struck >= strikes.length / extent(3, 2), JSON.stringify([...outcomes]));
      if (LONG) console.log(`      ${strikes.length} strikes: ${JSON.stringify([...outcomes])}`);
    });
});
