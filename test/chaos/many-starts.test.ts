import { deepEqual, equal } from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Sqlite from "better-sqlite3";
import { openSchemaledger } from "../../src/library/open-schemaledger.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const CHILD = fileURLToPath(new URL("../support/library-child.js", import.meta.url));
const LONG = process.env["SCHEMALEDGER_CHAOS"] === "long";
const STEPS = 5;

interface Outcome {
  readonly outcome: string;
  readonly version: string | null;
}

describe("Many applications that start at once", function () {
  this.timeout(LONG ? 900_000 : 120_000);
  const directory = temporaryDirectory();
  const children = new Set<ChildProcess>();
  /** Where ledger and database of the present round are. */
  let place = ".";
  const file = (name: string): string => directory.file(join(place, name));

  beforeEach(() => {
    place = ".";
  });

  beforeEach(() => {
    mkdirSync(directory.file("m"));
    for (let step = 1; step <= STEPS; step++)
      writeFileSync(
        directory.file(`m/${step}_step.sql`),
        step === 1
          ? "CREATE TABLE log (step INTEGER); INSERT INTO log VALUES (1)"
          : `INSERT INTO log VALUES (${step})`,
      );
  });

  afterEach(() => {
    for (const child of children) child.kill("SIGKILL");
    children.clear();
  });

  it("migrate once: one applies, the others wait and find nothing to do", async () => {
    const outcomes = await start(16, 60_000);
    deepEqual(outcomes.map(({ outcome }) => outcome).toSorted(), [
      "applied",
      ...Array.from({ length: 15 }, () => "nothing-to-do"),
    ]);
    assertAppliedOnce();
    deepEqual(await eventsOf("StepApplied"), STEPS);
    deepEqual(await eventsOf("RunRequested"), 1);
  });

  it("or are told at once, where they do not want to wait", async () => {
    const outcomes = await start(LONG ? 16 : 6, 0);
    const allowed = new Set(["applied", "nothing-to-do", "data-directory-in-use"]);
    deepEqual(
      outcomes.filter(({ outcome }) => !allowed.has(outcome)),
      [],
    );
    equal(outcomes.filter(({ outcome }) => outcome === "applied").length, 1);
    assertAppliedOnce();
  });

  it("carry on when the one that works is killed, at any point", async () => {
    for (let round = 0; round < (LONG ? 40 : 3); round++) {
      place = `round-${round}`;
      const many = await ready(LONG ? 16 : 4, 60_000);
      const outcomes = many.map((child) => outcomeOf(child));
      for (const child of many) child.send("go");
      await delay(Math.random() * (LONG ? 1500 : 800));
      const victim = many.find(({ pid }) => pid === holder()) ?? many[0]!;
      victim.kill("SIGKILL");
      const told = (await Promise.all(outcomes)).filter(({ outcome }) => outcome !== "killed");
      const done = new Set(["applied", "nothing-to-do"]);
      deepEqual(
        told.filter(({ outcome, version }) => !done.has(outcome) || version !== `${STEPS}`),
        [],
      );
      equal(told.length >= many.length - 1, true);
      assertAppliedOnce();
    }
  });

  async function start(count: number, waitMs: number): Promise<Outcome[]> {
    const many = await ready(count, waitMs);
    const outcomes = many.map((child) => outcomeOf(child));
    for (const child of many) child.send("go");
    return Promise.all(outcomes);
  }

  /** Processes that are loaded and begin at a message. */
  async function ready(count: number, waitMs: number): Promise<ChildProcess[]> {
    mkdirSync(directory.file(place), { recursive: true });
    const args = [file("data"), file("app.db"), directory.file("m"), `${waitMs}`];
    return Promise.all(
      Array.from({ length: count }, async () => {
        const child = fork(CHILD, args, { execArgv: [] });
        children.add(child);
        await once(child, "message");
        return child;
      }),
    );
  }

  /** Each step exactly once, in order, whatever happened around it. */
  function assertAppliedOnce(): void {
    const db = new Sqlite(file("app.db"), { readonly: true });
    const steps = db.prepare("SELECT step FROM log ORDER BY rowid").pluck().all();
    db.close();
    deepEqual(
      steps,
      Array.from({ length: STEPS }, (_, i) => i + 1),
    );
  }

  /** Who has the directory now; undefined between two. */
  function holder(): number | undefined {
    try {
      const text = readFileSync(file("data/service.holder.json"), "utf8");
      return (JSON.parse(text) as { readonly pid: number }).pid;
    } catch {
      return undefined;
    }
  }

  async function eventsOf(type: string): Promise<number> {
    const db = new Sqlite(file("data/ledger.db"), { readonly: true });
    const count = db.prepare("SELECT count(*) FROM event WHERE type = ?").pluck().get(type);
    db.close();
    const ledger = await openSchemaledger({ data: file("data") });
    equal((await ledger.status("app"))?.version, `${STEPS}`);
    return count as number;
  }
});

function outcomeOf(child: ChildProcess): Promise<Outcome> {
  return new Promise((resolve) => {
    child.once("message", (message) => resolve(message as Outcome));
    child.once("exit", () => resolve({ outcome: "killed", version: null }));
  });
}
