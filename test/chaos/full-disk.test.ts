import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { extent, LONG } from "../support/chaos/extent.ts";
import { FaultyChild } from "../support/faults/faulty-child.ts";
import { tryOnFullDisk } from "../support/faults/full-disk.ts";
import { SUBJECT_NAMES, type SubjectName } from "../support/faults/subjects/all.ts";
import { faultDirectory, Trial } from "../support/faults/trial.ts";

/*
 * Real file systems with too little space, and real limits on the size of a file: what is refused is refused
 * with the reason, nothing is half, what was acknowledged is there, and with space one can go on.
 */

/** What may be said when there is no space. */
const TOLD = new Set(["disk-full", "io-error", "backup-store-full", "backup-store-failed"]);
const TOLD_BY_LEDGER = new Set(["ledger-open-failed", "ledger-write-failed"]);

const told = (name: SubjectName): ReadonlySet<string> =>
  name.startsWith("ledger") ? TOLD_BY_LEDGER : TOLD;

/** Space that is left, KiB: from nothing to enough. */
const FREE = extent(
  [0, 24, 96, 2048],
  [...Array.from({ length: 40 }, (_, n) => n * 4), 192, 256, 320, 400, 512, 768, 2048],
);

/** Largest sizes of a file, KiB; half a page among them. */
const SIZES = [0.5, 4, 6, 32, 48, 80, 128, 100_000];

const SHORT = new Set<SubjectName>(["backup"]);
const names = SUBJECT_NAMES.filter((name) => LONG || SHORT.has(name));

describe("A full disk", function () {
  this.timeout(LONG ? 120_000 : 30_000);

  for (const name of names)
    it(`leaves old or new: ${name}`, function () {
      const tried = tryOnFullDisk({ subject: name, sizeKiB: 4096, freeKiB: FREE });
      if (tried === undefined) {
        console.log("      There is no full disk: nobody may mount one here");
        return this.skip();
      }
      assert.deepEqual(
        tried.filter(({ wrong }) => wrong.length > 0),
        [],
      );
      for (const { outcome, freeKiB } of tried)
        assert(outcome === "done" || told(name).has(outcome), `${outcome} with ${freeKiB} KiB`);
      assert.equal(tried.at(-1)!.outcome, "done");
      // Removing needs no space.
      if (name !== "prune") assert.notEqual(tried[0]!.outcome, "done");
    });
});

if (LONG)
  describe("A limit on the size of files", function () {
    this.timeout(120_000);
    const directory = faultDirectory();
    after(() => rmSync(directory, { recursive: true, force: true }));

    for (const name of names)
      it(`leaves old or new: ${name}`, async () => {
        const trial = await Trial.of(name, directory);
        const outcomes: string[] = [];
        for (const mostKiB of SIZES) {
          const child = new FaultyChild({ mostKiB }, directory);
          try {
            const { outcome, wrong } = await trial.run(child);
            assert.deepEqual(wrong, [], `${mostKiB} KiB`);
            outcomes.push(outcome.kind === "refused" ? outcome.code : JSON.stringify(outcome));
          } finally {
            await child.end();
          }
        }
        const others = outcomes.filter((one) => !one.includes("done") && !told(name).has(one));
        assert.deepEqual(others, []);
        assert(outcomes.at(-1)!.includes("done"), outcomes.at(-1));
      });
  });
