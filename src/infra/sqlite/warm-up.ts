import Sqlite from "better-sqlite3";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { DatabaseTarget, StepRequest } from "../../domain/engine/database-engine.ts";
import { beginImmediate, commit, type Connection } from "./connection.ts";
import { liveSchema } from "./fingerprint.ts";
import { runGuarded } from "./guarded-script.ts";
import { writeMarker } from "./markers.ts";
import { createOwnTables } from "./meta.ts";
import { prepareScript } from "./sql/script.ts";
import { takeBaseline } from "./step-baseline.ts";
import { claim } from "./step-claim.ts";
import { factsOf } from "./step-facts.ts";
import { knownState, withMarker, type KnownState } from "./step-state.ts";
import { deadlineIn } from "./waiting.ts";
import { warmUpBackup } from "./warm-up-backup.ts";

const TARGET: DatabaseTarget = {
  engine: "sqlite",
  url: ":memory:",
  databaseId: "warming",
  origin: "warming",
  incarnation: "warming",
};

/** Enough for the compiler to have seen the way of a step often. */
const ROUNDS = 24;

/** Fewer: a run makes one backup. */
const BACKUPS = 4;

/** Each kind of statement that histories are made of, on tables of their own. */
const scripts = (round: number): readonly string[] => [
  `CREATE TABLE p${round} (id INTEGER PRIMARY KEY, name TEXT NOT NULL);`,
  `CREATE TABLE c${round} (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p${round});
   CREATE INDEX c${round}_p ON c${round} (p);`,
  `ALTER TABLE p${round} ADD COLUMN note TEXT DEFAULT 'none';`,
  `INSERT INTO p${round} (name) VALUES ('a'), ('b'); UPDATE p${round} SET note = name;
   INSERT INTO c${round} (p) SELECT id FROM p${round};`,
  `DROP TABLE c${round}; DROP TABLE p${round};`,
];

/**
 * Runs steps on a database in memory, so that the code of a step is compiled before somebody waits
 * for it. Lets go after each step; ends early as soon as `isWanted` says that the process has work.
 */
export async function warmUp(isWanted: () => boolean): Promise<void> {
  const db = new Sqlite(":memory:");
  try {
    createOwnTables(db, TARGET, 0);
    liveSchema(db);
    const work = { db, known: undefined as KnownState | undefined, token: 1 };
    for (let round = 0; round < ROUNDS; round++)
      for (const sql of scripts(round)) {
        await nextTurn();
        if (isWanted()) return;
        await step(work, sql);
      }
    for (let round = 0; round < BACKUPS; round++) {
      await nextTurn();
      if (isWanted()) return;
      await warmUpBackup(db, TARGET);
    }
  } finally {
    db.close();
  }
}

async function step(
  work: { readonly db: Connection; known: KnownState | undefined; token: number },
  sql: string,
): Promise<void> {
  const { db } = work;
  const request = requestOf(sql, work.token++);
  const script = prepareScript(sql, "required");
  const started = performance.now();
  await beginImmediate(db, deadlineIn(0), "scratch");
  const state = knownState(db, work.known);
  claim(db, TARGET, request, state.fingerprint, state);
  const before = takeBaseline(db, state, script);
  const outcome = await runGuarded(
    {
      db,
      step: request,
      script,
      before,
      expectedAfter: null,
      onStatement: () => {},
      onStatementsDone: () => {},
    },
    { tainted: false },
  );
  writeMarker(db, request, "done", outcome.after.fingerprint);
  const now = performance.now();
  JSON.stringify(factsOf({ script, before, outcome }, { started, lockedAt: started, now }));
  await commit(db, deadlineIn(0));
  work.known = withMarker(outcome.after, request);
}

const requestOf = (sql: string, token: number): StepRequest => ({
  version: String(token),
  name: "warming",
  direction: "up",
  checksum: "sha256:",
  sql,
  transaction: "required",
  allow: { rowLoss: [] },
  attempt: String(token),
  planDigest: "sha256:",
  token,
  intentIndex: token,
  intentLeafHash: "00".repeat(32),
  checkpoint: null,
  at: "",
  follows: null,
  expectedBefore: null,
  appliedBefore: null,
  expectedAfter: null,
  lockTimeoutMs: 0,
  tableBackup: null,
});
