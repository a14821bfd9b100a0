import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { extent, LONG } from "../support/chaos/extent.ts";
import { FaultyChild } from "../support/faults/faulty-child.ts";
import { compileShim } from "../support/faults/shim.ts";
import { SUBJECT_NAMES, type SubjectName } from "../support/faults/subjects/all.ts";
import { faultDirectory, Trial, type PowerCuts, type Recording } from "../support/faults/trial.ts";

/*
 * What a process does to its disk is recorded; then the power is cut after each of its calls, in many
 * ways: what was not synced is there, is not there, or is torn. Each disk that this can leave is opened as
 * after a start.
 */

/** Different disks that the long form makes at least, of all subjects together. */
const STATES = 10_000;

/** How often the power is cut after each call: more often where a disk is soon looked at. */
const drawsOf = (name: SubjectName): number => extent(2, name.startsWith("step") ? 160 : 50);

/** A program, or a disk, that leaves out some syncs, and what that must lead to. */
const WEAKENED: readonly (readonly [
  subject: SubjectName,
  what: string,
  ignores: RegExp,
  wrong: RegExp,
])[] = [
  ["ledger appends", "the ledger's file", /ledger\.db/, /is lost/],
  ["ledger appends", "the ledger's WAL", /-wal$/, /is lost/],
  ["ledger begins", "directories", /\/$/, /the ledger is gone/],
  ["run", "the ledger", /ledger\.db/, /did not announce|is lost/],
  ["run", "the database", /app\.db/, /recorded and lost|malformed|corrupt/],
  ["step, wal", "the WAL", /-wal$/, /is lost|malformed|corrupt/],
  ["step, delete", "the database", /app\.db/, /malformed|corrupt|torn/],
  ["step, delete", "directories", /\/$/, /malformed|is lost/],
  ["steps together, wal", "the WAL", /-wal$/, /is lost|malformed|corrupt/],
  ["steps together, delete", "directories", /\/$/, /malformed|is lost/],
  ["backup", "packs", /\/packs\/[^/]/, /is damaged/],
  ["backup", "lists", /\/lists\/[^/]/, /is damaged/],
  ["backup", "manifests", /\/manifests\/[^/]/, /is damaged/],
  ["backup", "directories of objects", /\/$/, /was acknowledged and is lost/],
  ["first backup", "directories above", /^(backups)?\/$/, /was acknowledged and is lost/],
  ["prune", "directories of objects", /\/$/, /was said to be gone/],
  ["restore, wal", "the database", /app\.db/, /malformed|corrupt|torn|empty/],
  ["restore, delete", "directories", /\/$/, /torn|malformed|is lost/],
  ["restore offline", "the new file", /app\.db/, /malformed|corrupt|torn|empty|not a database/],
  ["restore offline", "directories", /\/$/, /is lost|malformed/],
];

/** SQLite's own settings: those that we use, and those that we do not. */
const SETTINGS: readonly (readonly [subject: SubjectName, wrong: RegExp | undefined])[] = [
  ["commit, wal, synchronous full", undefined],
  ["commit, wal, synchronous normal", /is lost/],
  ["commit, wal, synchronous off", /malformed|corrupt|torn/],
  ["commit, delete, synchronous extra", undefined],
  ["commit, delete, synchronous full", /is lost/],
  ["commit, delete, synchronous off", /malformed|corrupt|torn/],
];

/** What the short form tries: a subject of each kind, and of what is weakened some. */
const SHORT_SUBJECTS = new Set<SubjectName>(["ledger appends", "step, delete", "backup", "prune"]);
const SHORT_WEAKENED = new Set(["packs"]);
const SHORT_SETTINGS = new Set<SubjectName>(["commit, wal, synchronous normal"]);

describe("Power cuts", function () {
  this.timeout(LONG ? 180_000 : 30_000);
  const directory = faultDirectory();
  const recorded = new Map<SubjectName, Promise<{ trial: Trial; recording: Recording }>>();
  let shim: string;
  let states = 0;

  before(function () {
    const compiled = compileShim(directory);
    if (typeof compiled === "string") {
      console.log(`      Power cuts are not tried: ${compiled}`);
      return this.skip();
    }
    shim = compiled.path;
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  async function record(name: SubjectName): Promise<{ trial: Trial; recording: Recording }> {
    const trial = await Trial.of(name, directory);
    const child = new FaultyChild({ shim }, directory, trial.place);
    try {
      return { trial, recording: await trial.record(child) };
    } finally {
      await child.end();
    }
  }

  async function cut(name: SubjectName, cuts: PowerCuts): Promise<readonly string[]> {
    let known = recorded.get(name);
    if (known === undefined) recorded.set(name, (known = record(name)));
    const { trial, recording } = await known;
    const found = await trial.cutPower(recording, cuts);
    states += found.states;
    return found.wrong;
  }

  for (const name of SUBJECT_NAMES.filter((one) => LONG || SHORT_SUBJECTS.has(one)))
    it(`lose and tear nothing: ${name}`, async () => {
      const every = extent(name.startsWith("ledger") ? 12 : 5, 1);
      const draws = drawsOf(name);
      assert.deepEqual(await cut(name, { draws, lastDraws: 2 * draws, every, seed: 1 }), []);
    });

  if (LONG)
    it("announce every effect first: a run through a service", async () => {
      assert.deepEqual(await cut("run", { draws: 4, lastDraws: 40, every: 5, seed: 4 }), []);
    });

  if (LONG)
    it(`were different in ${STATES} ways at least`, () => {
      console.log(`      ${states} different disks`);
      assert(states >= STATES, String(states));
    });

  for (const [name, what, ignores, expected] of WEAKENED.filter(
    ([, what]) => LONG || SHORT_WEAKENED.has(what),
  ))
    it(`do harm when ${what} are not synced: ${name}`, async () => {
      const ignoresSync = (path: string): boolean => ignores.test(path);
      const every = extent(4, name === "run" ? 15 : name.startsWith("ledger") ? 4 : 1);
      const wrong = await cut(name, { draws: 3, lastDraws: 12, every, ignoresSync, seed: 2 });
      assert(
        wrong.some((one) => expected.test(one)),
        `${wrong.length} wrong: ${wrong[0]}`,
      );
    });

  for (const [name, expected] of SETTINGS.filter(([name]) => LONG || SHORT_SETTINGS.has(name)))
    it(`${expected === undefined ? "do no harm" : "do harm"}: ${name}`, async () => {
      const wrong = await cut(name, { draws: 4, lastDraws: 20, seed: 3 });
      if (expected === undefined) assert.deepEqual(wrong, []);
      else
        assert(
          wrong.some((one) => expected.test(one)),
          `${wrong.length} wrong: ${wrong[0]}`,
        );
    });
});
