import Database from "better-sqlite3";
import { copyFileSync, rmSync } from "node:fs";
import type { StepRequest } from "../../../../src/domain/engine/database-engine.ts";
import { contentDigest } from "../../chaos/story.ts";
import type { Subject } from "../subject.ts";
import {
  applyStep,
  databaseFile,
  makeDatabase,
  readDatabase,
  requireApplied,
  stepRequest,
  withEngine,
  type Identity,
  type Journal,
} from "./managed.ts";

interface Setup {
  readonly identity: Identity;
  readonly requests: readonly StepRequest[];
  /** Before all, and after each. */
  readonly digests: readonly string[];
}

const SCRIPTS = [
  "CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER NOT NULL);",
  "INSERT INTO part (item) SELECT id FROM item; UPDATE item SET n = n + 1;",
  "ALTER TABLE item ADD COLUMN b TEXT; CREATE INDEX part_item ON part (item);",
  "UPDATE item SET b = label || n;",
];

/** What the bare statements make of a copy. */
function digestsOf(root: string): string[] {
  const copy = `${root}.after`;
  copyFileSync(databaseFile(root), copy);
  const db = new Database(copy);
  try {
    db.pragma("foreign_keys = OFF");
    const digests = [contentDigest(db)];
    for (const sql of SCRIPTS) {
      db.exec(sql);
      digests.push(contentDigest(db));
    }
    return digests;
  } finally {
    db.close();
    rmSync(copy);
  }
}

/** Brief steps: the first ones are there, each whole with its marker; all, if they were acknowledged. */
export const stepsTogether = (journal: Journal): Subject<Setup> => ({
  async prepare(root) {
    const identity = await makeDatabase(root, journal);
    const requests: StepRequest[] = [];
    for (const [n, sql] of SCRIPTS.entries()) {
      const request = await stepRequest(root, identity, sql, 10 + n);
      const last = requests.at(-1);
      requests.push(
        last === undefined ? request : { ...request, follows: last.attempt, expectedBefore: null },
      );
    }
    return { identity, requests, digests: digestsOf(root) };
  },
  async act(root, { identity, requests }, promise) {
    await withEngine(root, identity, async (engine) => {
      for (const result of await engine.applySteps(requests)) requireApplied(result);
      // Closing the database would sync it once more.
      promise("applied");
    });
  },
  async inspect(root, { identity, requests, digests }, promised) {
    const found = readDatabase(databaseFile(root));
    const wrong: string[] = [];
    if (found.soundness !== "ok") wrong.push(`corrupt: ${found.soundness}`);
    const applied = digests.indexOf(found.digest);
    if (applied < 0) wrong.push("torn: the content of none of the steps");
    const attempts = requests.map(({ attempt }) => attempt);
    const marked = attempts.filter((attempt) => found.attempts.includes(attempt));
    if (marked.join() !== attempts.slice(0, applied).join())
      wrong.push("markers and content disagree");
    if (promised.length > 0 && applied < requests.length)
      wrong.push("a step was acknowledged and is lost");
    const { phases } = await withEngine(root, identity, async (engine) => {
      await engine.beginRecovery(200);
      return engine.finishRecovery(requests.at(-1)!.token + 1, attempts);
    });
    if (Object.keys(phases).join() !== marked.join()) wrong.push("recovery tells another outcome");
    return wrong;
  },
  async goOn(root, { identity }) {
    const request = await stepRequest(root, identity, "CREATE TABLE another (a)", 30);
    await applyStep(root, identity, request);
    const { attempts, soundness } = readDatabase(databaseFile(root));
    return attempts.includes(request.attempt) && soundness === "ok" ? [] : ["no step can follow"];
  },
});
