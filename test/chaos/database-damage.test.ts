import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import Database from "better-sqlite3";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { DomainError } from "../../src/domain/shared/errors.ts";
import { TestBackups, type TakenBackup } from "../support/backups.ts";
import { extent, LONG } from "../support/chaos/extent.ts";
import { ManagedDatabase, Workspace } from "../support/managed-database.ts";
import { Dice } from "../support/random-sql.ts";
import { done } from "../support/step-results.ts";

/*
 * Damage in the database itself and in its WAL, as disks make it. No backup is ever called verified that
 * would not bring back, byte for byte, what SQLite reads in the damaged file; damage that SQLite cannot see is
 * found by comparing pages with a backup; and a WAL that lost commits never leaves half of one.
 */

const MUTATIONS = extent(14, 1000);
const PAGE = 4096;

/** Bytes of the header that copies change: nothing is known of them. */
const COUNTERS = [18, 19, 24, 25, 26, 27, 40, 41, 42, 43, 92, 93, 94, 95, 96, 97, 98, 99];

type Mutate = (bytes: Buffer, dice: Dice) => Buffer;

const pageOf = (bytes: Buffer, dice: Dice): Buffer => {
  const at = dice.roll(bytes.length / PAGE) * PAGE;
  return bytes.subarray(at, at + PAGE);
};

const DAMAGE: { readonly [kind: string]: Mutate } = {
  "flipped bit": (bytes, dice) => {
    bytes[dice.roll(bytes.length)]! ^= 1 << dice.roll(8);
    return bytes;
  },
  "flipped bit of the first page": (bytes, dice) => {
    bytes[dice.roll(PAGE)]! ^= 1 << dice.roll(8);
    return bytes;
  },
  "zeroed page": (bytes, dice) => {
    pageOf(bytes, dice).fill(0);
    return bytes;
  },
  "torn page": (bytes, dice) => {
    randomBytes(PAGE / 2).copy(pageOf(bytes, dice), dice.roll(2) * (PAGE / 2));
    return bytes;
  },
  "swapped pages": (bytes, dice) => {
    const [a, b] = [pageOf(bytes, dice), pageOf(bytes, dice)];
    const kept = Buffer.from(a);
    b.copy(a);
    kept.copy(b);
    return bytes;
  },
  truncated: (bytes, dice) => bytes.subarray(0, dice.roll(bytes.length)),
  "random bytes": (bytes, dice) => {
    randomBytes(1 + dice.roll(40)).copy(bytes, dice.roll(bytes.length - 40));
    return bytes;
  },
};

const SCHEMA = `CREATE TABLE note (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, text TEXT);
CREATE INDEX note_by_text ON note (text);
CREATE TABLE long (id INTEGER PRIMARY KEY, body BLOB);
CREATE TABLE gone (id INTEGER PRIMARY KEY, body BLOB);
WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 300)
INSERT INTO note SELECT i, i, 'the text of note ' || i FROM c;
INSERT INTO long VALUES (1, zeroblob(30000)), (2, randomblob(30000));
INSERT INTO gone VALUES (1, randomblob(40000));
DELETE FROM gone;`;

/** The code of an error of ours; anything else is a defect. */
function codeOf(error: unknown): string {
  if (error instanceof DomainError) return error.code;
  throw error;
}

describe("Damage of a database", function () {
  this.timeout(LONG ? 300_000 : 30_000);
  let workspace: Workspace;
  let database: ManagedDatabase;
  let backups: TestBackups;

  beforeEach(async () => {
    workspace = new Workspace();
    database = await new ManagedDatabase(workspace, "wal", SCHEMA).install();
    backups = new TestBackups(workspace.directory, { current: "7d".repeat(32), all: [] });
  });
  afterEach(() => workspace.remove());

  const clear = (): void => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(database.path + suffix, { force: true });
  };

  /** Takes a backup of what is there and verifies it; the code of what was refused. */
  async function verified(scratch: string): Promise<TakenBackup | string> {
    const engine = database.newEngine();
    try {
      const taken = await backups.take(engine);
      await engine.verify(taken, scratch);
      return taken;
    } catch (error) {
      return codeOf(error);
    } finally {
      engine.close();
    }
  }

  it("in the file is found by comparing pages, and no backup of it is falsely verified", async () => {
    const dice = new Dice(1);
    const known = await backups.take(database.engine);
    database.engine.close();
    const pristine = readFileSync(database.path);
    const kinds = Object.entries(DAMAGE);
    const scratch = workspace.path("scratch.db");
    const past = new Date(Date.now() - 60_000);
    const since = new Date(Date.now() - 30_000).toISOString();
    let verifiedCopies = 0;
    for (let round = 0; round < MUTATIONS; round += 1) {
      const [kind, mutate] = kinds[round % kinds.length]!;
      const damaged = mutate(Buffer.from(pristine), dice);
      if (onlyCounters(damaged, pristine)) continue;
      clear();
      writeFileSync(database.path, damaged);
      utimesSync(database.path, past, past);
      const engine = database.newEngine();
      const compared = await engine
        .comparePages({ access: known.access, since })
        .then(({ findings }) => findings.length, codeOf);
      engine.close();
      assert.notEqual(compared, 0, `${kind} was not found in round ${round}`);
      rmSync(scratch, { force: true });
      const taken = await verified(scratch);
      if (typeof taken === "string") continue;
      verifiedCopies += 1;
      assertSameBut(readFileSync(scratch), damaged, `${kind} in round ${round}`);
    }
    // Both ways are taken: refusals, and faithful copies of what SQLite cannot tell from content.
    assert(verifiedCopies > 0 && verifiedCopies < MUTATIONS, String(verifiedCopies));
  });

  it("in the WAL loses whole commits at most, and no backup of it is falsely verified", async () => {
    const dice = new Dice(2);
    const { main, wal } = await withCommitsInWal(database);
    const scratch = workspace.path("scratch.db");
    const seen = new Set<string>();
    for (let round = 0; round < MUTATIONS; round += 1) {
      clear();
      writeFileSync(database.path, main);
      const damaged = walDamage(Buffer.from(wal), dice, round);
      if (damaged !== undefined) writeFileSync(`${database.path}-wal`, damaged);
      // What a stranger reads, in a copy: opening recovers the WAL.
      const stranger = workspace.path("stranger.db");
      for (const suffix of ["", "-wal", "-shm"]) rmSync(stranger + suffix, { force: true });
      copyFileSync(database.path, stranger);
      if (damaged !== undefined) copyFileSync(`${database.path}-wal`, `${stranger}-wal`);
      const expected = readAll(stranger);
      rmSync(scratch, { force: true });
      const taken = await verified(scratch);
      if (typeof taken === "string") throw new Error(`It was refused: ${taken}`);
      const { rows, hasStep } = readAll(scratch);
      assert.deepEqual({ rows, hasStep }, expected);
      // Commits go from the end, and the marker goes with its step.
      assert.equal(taken.snapshot.applied.includes("10"), hasStep);
      seen.add(`${hasStep} ${rows > 0}`);
    }
    assert(seen.has("false false") && seen.has("true true"), [...seen].join());
  });
});

/** Commits a step and then twenty rows, and gives both files as they are before a checkpoint. */
async function withCommitsInWal(
  database: ManagedDatabase,
): Promise<{ readonly main: Buffer; readonly wal: Buffer }> {
  const holder = new Database(database.path);
  try {
    holder.pragma("wal_checkpoint(TRUNCATE)");
    // While somebody reads from it, nothing is taken out of the WAL.
    const reader = new Database(database.path);
    reader.exec("BEGIN; SELECT * FROM note");
    done(await database.apply("CREATE TABLE step_made (n INTEGER)", { version: "10" }));
    const insert = holder.prepare("INSERT INTO step_made VALUES (?)");
    for (let n = 1; n <= 20; n += 1) insert.run(n);
    database.engine.close();
    const copy = `${database.path}.copy`;
    // Another process's work: closing a descriptor here would drop our locks.
    for (const suffix of ["", "-wal"])
      assert.equal(spawnSync("cp", [database.path + suffix, copy + suffix]).status, 0);
    reader.exec("ROLLBACK");
    reader.close();
    const files = { main: readFileSync(copy), wal: readFileSync(`${copy}-wal`) };
    for (const suffix of ["", "-wal"]) rmSync(copy + suffix);
    return files;
  } finally {
    holder.close();
  }
}

/** Undefined: there is none any more. */
function walDamage(wal: Buffer, dice: Dice, round: number): Buffer | undefined {
  switch (round % 7) {
    case 0:
      return undefined;
    case 1:
      wal[dice.roll(32)]! ^= 1 << dice.roll(8);
      return wal;
    case 2:
      return wal.subarray(0, dice.roll(wal.length));
    case 3:
      randomBytes(300).copy(wal, dice.roll(wal.length - 300));
      return wal;
    case 4:
      wal.subarray(dice.roll(wal.length)).fill(0);
      return wal;
    default:
      wal[dice.roll(wal.length)]! ^= 1 << dice.roll(8);
      return wal;
  }
}

function readAll(path: string): { readonly rows: number; readonly hasStep: boolean } {
  assert(existsSync(path));
  const db = new Database(path);
  try {
    assert.equal(db.pragma("integrity_check", { simple: true }), "ok");
    const hasStep =
      db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'step_made'").get() !== undefined;
    const numbers = hasStep
      ? db.prepare<[], number>("SELECT n FROM step_made ORDER BY n").pluck().all()
      : [];
    assert.deepEqual(
      numbers,
      Array.from(numbers, (_, at) => at + 1),
    );
    return { rows: numbers.length, hasStep };
  } finally {
    db.close();
  }
}

/** Whether nothing but what copies change was changed. */
function onlyCounters(damaged: Buffer, pristine: Buffer): boolean {
  return withoutCounters(damaged).equals(withoutCounters(pristine));
}

/**
 * The content is the same but for what SQLite itself writes into a copy. It reads what is missing of the
 * last page as zeros.
 */
function assertSameBut(restored: Buffer, cut: Buffer, what: string): void {
  const damaged = Buffer.concat([cut, Buffer.alloc((PAGE - (cut.length % PAGE)) % PAGE)]);
  assert.ok(withoutCounters(restored).equals(withoutCounters(damaged)), `${what}: another content`);
}

function withoutCounters(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (const at of COUNTERS) if (at < copy.length) copy[at] = 0;
  return copy;
}
