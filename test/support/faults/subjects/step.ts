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
  stepRequest,
  withEngine,
  type Identity,
  type Journal,
} from "./managed.ts";

interface Setup {
  readonly identity: Identity;
  readonly request: StepRequest;
  readonly before: string;
  readonly after: string;
}

/** A rebuild, an index and changed rows: schema and data go together or not at all. */
const SQL = `CREATE TABLE item_new (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, label TEXT NOT NULL, b TEXT);
INSERT INTO item_new SELECT id, n + 1, label, NULL FROM item;
DROP TABLE item;
ALTER TABLE item_new RENAME TO item;
CREATE INDEX item_by_n ON item (n);
CREATE TABLE summary (n INTEGER PRIMARY KEY, items INTEGER NOT NULL);
INSERT INTO summary SELECT n, count(*) FROM item GROUP BY n;`;

/** What the bare statements make of a copy. */
function digestAfter(root: string): string {
  const copy = `${root}.after`;
  copyFileSync(databaseFile(root), copy);
  const db = new Database(copy);
  try {
    db.pragma("foreign_keys = OFF");
    db.exec(SQL);
    return contentDigest(db);
  } finally {
    db.close();
    rmSync(copy);
  }
}

/** One step of a run: old or new, new if it was said to be applied, and the marker says which. */
export const step = (journal: Journal): Subject<Setup> => ({
  async prepare(root) {
    const identity = await makeDatabase(root, journal);
    const request = await stepRequest(root, identity, SQL, 10);
    const { digest } = readDatabase(databaseFile(root));
    return { identity, request, before: digest, after: digestAfter(root) };
  },
  async act(root, { identity, request }, promise) {
    await applyStep(root, identity, request);
    promise("applied");
  },
  async inspect(root, { identity, request, before, after }, promised) {
    const { attempt, token } = request;
    const found = readDatabase(databaseFile(root));
    const wrong: string[] = [];
    if (found.soundness !== "ok") wrong.push(`corrupt: ${found.soundness}`);
    const isNew = found.digest === after;
    if (!isNew && found.digest !== before) wrong.push("torn: neither the old nor the new content");
    if (found.attempts.includes(attempt) !== isNew) wrong.push("marker and content disagree");
    if (promised.length > 0 && !isNew) wrong.push("the step was acknowledged and is lost");
    const { phases } = await withEngine(root, identity, async (engine) => {
      await engine.beginRecovery(200);
      return engine.finishRecovery(token + 1, [attempt]);
    });
    if ((phases[attempt] === "done") !== isNew) wrong.push("recovery tells another outcome");
    return wrong;
  },
  async goOn(root, { identity }) {
    const request = await stepRequest(root, identity, "CREATE TABLE another (a)", 30);
    await applyStep(root, identity, request);
    const { attempts, soundness } = readDatabase(databaseFile(root));
    return attempts.includes(request.attempt) && soundness === "ok" ? [] : ["no step can follow"];
  },
});
