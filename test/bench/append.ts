import Sqlite from "better-sqlite3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DomainEvent } from "../../src/domain/events.ts";
import type { Append } from "../../src/domain/ledger/ledger.ts";
import { appendTo, context } from "../support/ledger-samples.ts";
import { openLedger } from "../support/sqlite-ledger.ts";

/**
 * Appending to the ledger against its floor: the same bytes into the same two tables with the same
 * indexes by bare better-sqlite3, as durable (WAL, synchronous=FULL), with prepared statements and
 * the same page cache, but without triggers, foreign keys, checks, head row, keys and hashing.
 *
 * One process, one file system; after each append comes one transaction of the floor, with rows
 * that the ledger stored in the round before. A ratio is floor time / ledger time over a round;
 * what is printed is the median of the rounds. 1.0 would be free. The CPU ratio is the same over
 * the processor time of the whole process, so it does not see the waiting for the disk.
 * `node dist/test/bench/append.js [factor of the number of rounds]`
 */
const FACTOR = Number(process.argv[2] ?? 1);
const SHAPES = [
  { size: 1, transactions: 20, rounds: 41, target: 0.8 },
  { size: 10, transactions: 10, rounds: 41, target: 0.75 },
  { size: 100, transactions: 4, rounds: 41, target: 0.75 },
  { size: 1000, transactions: 1, rounds: 41, target: 0.68 },
] as const;
const APPENDERS = 32;

type Row = readonly unknown[];
interface Stored {
  readonly events: readonly Row[];
  readonly payloads: readonly Row[];
}

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const file = join(directory, "ledger.db");
const ledger = openLedger(file);
const floor = openFloor(join(directory, "floor.db"));
const insertEvent = floor.prepare(
  "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
);
const insertPayload = floor.prepare("INSERT INTO payload VALUES (?, ?, ?, NULL, NULL)");
const insertAll = floor.transaction(({ events, payloads }: Stored) => {
  for (let i = 0; i < events.length; i += 1) {
    insertEvent.run(...events[i]!);
    insertPayload.run(...payloads[i]!);
  }
});
let made = 0;

try {
  await warmUp();
  await measureSize();
  await measureShapes();
  await measureConcurrency();
} finally {
  await ledger.close();
  floor.close();
  rmSync(directory, { recursive: true, force: true });
}

/** As in a service that has been running: what is measured is compiled. */
async function warmUp(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await ledger.append(appendOf(500));
  for (let i = 0; i < 1000; i += 1) await ledger.append(appendOf(1));
}

async function measureSize(): Promise<void> {
  const db = new Sqlite(file, { readonly: true });
  const sizes = db
    .prepare("SELECT avg(length(leaf)), avg(length(data)) FROM event JOIN payload USING (idx)")
    .raw()
    .get() as [number, number];
  db.close();
  console.log(
    `events: a leaf of ${Math.round(sizes[0])}, a payload (context and data) of ${Math.round(sizes[1])} bytes`,
  );
}

async function measureShapes(): Promise<void> {
  console.log("events/transaction  floor ev/s  ledger ev/s  ratio  target  CPU ratio");
  for (const { size, transactions, rounds, target } of SHAPES) {
    const walls: Pair[] = [];
    const cpus: Pair[] = [];
    let stored: readonly Stored[] = [];
    for (let round = -3; round < Math.ceil(rounds * FACTOR); round += 1) {
      const from = (await ledger.head()).size;
      const wall = { ours: 0, bare: 0 };
      const cpu = { ours: 0, bare: 0 };
      for (let i = 0; i < transactions; i += 1) {
        const append = appendOf(size);
        const ours = await timed(() => ledger.append(append));
        const rows = stored[i];
        const bare = await timed(() => (rows === undefined ? undefined : insertAll(rows)));
        wall.ours += ours.wall;
        wall.bare += bare.wall;
        cpu.ours += ours.cpu;
        cpu.bare += bare.cpu;
      }
      stored = readBack(from, size, transactions);
      if (round < 0) continue;
      walls.push(wall);
      cpus.push(cpu);
    }
    const rate = (times: readonly number[]): string =>
      Math.round((size * transactions * 1000) / median(times)).toString();
    console.log(
      `${String(size).padStart(18)}  ${rate(walls.map((t) => t.bare)).padStart(10)}  ` +
        `${rate(walls.map((t) => t.ours)).padStart(11)}  ${ratio(walls)}  ≥ ${target.toFixed(2)}  ` +
        ratio(cpus).padStart(9),
    );
  }
}

interface Pair {
  readonly ours: number;
  readonly bare: number;
}

function ratio(pairs: readonly Pair[]): string {
  const value = median(pairs.map(({ ours, bare }) => bare / ours));
  return value.toFixed(2).padStart(5);
}

async function measureConcurrency(): Promise<void> {
  const each = 10;
  const factors: number[] = [];
  for (let round = -2; round < 21 * FACTOR; round += 1) {
    const single = await timed(async () => {
      for (let i = 0; i < APPENDERS; i += 1) await ledger.append(appendOf(1));
    });
    const shared = await timed(async () => {
      const appender = async (): Promise<void> => {
        for (let i = 0; i < each; i += 1) await ledger.append(appendOf(1));
      };
      await Promise.all(Array.from({ length: APPENDERS }, appender));
    });
    if (round >= 0) factors.push((single.wall * each) / shared.wall);
  }
  console.log(
    `${APPENDERS} appenders, one event each: ${median(factors).toFixed(1)} times one appender's rate (target ≥ 4)`,
  );
}

function appendOf(size: number): Append {
  made += size;
  return appendTo(`database:${made % 50}`, "any", {
    events: Array.from({ length: size }, (_, i) => stepApplied(made + i)),
    context: context({ requestId: `0190163d-8694-739b-aea5-${String(made).padStart(12, "0")}` }),
  });
}

/** What a step of a run leaves behind. */
function stepApplied(i: number): DomainEvent {
  return {
    type: "StepApplied",
    data: {
      runId: "0190163d-8694-739b-aea5-966c26f8ad90",
      attempt: `0190163d-8694-739b-aea6-${String(i).padStart(12, "0")}`,
      version: `2026010203${i}`,
      direction: "up",
      fingerprintBefore: "sha256:5ff1e96bed9196f2aae6b1149ac2a2c428375ff7c59659069a2266100aa5f01c",
      fingerprintAfter: "sha256:0d5acc7c74b6261cbc5fb49818866f811b4e83092d972f415b97984c949d8df1",
      schemaChanges: [],
      rows: [{ table: "orders", before: i, after: i + 1 }],
      statements: 3,
      durationMs: 12,
      lockMs: 9,
      findings: [],
      rewritings: [],
    },
  };
}

/** The rows of the transactions of a round. */
function readBack(from: number, size: number, transactions: number): readonly Stored[] {
  // Open only while it reads: no other connection looks on while the ledger is measured.
  const db = new Sqlite(file, { readonly: true });
  const read = (sql: string, at: number): readonly Row[] =>
    db
      .prepare(sql)
      .raw()
      .all(at, at + size) as Row[];
  const stored = Array.from({ length: transactions }, (_, i) => ({
    events: read("SELECT * FROM event WHERE idx >= ? AND idx < ?", from + i * size).map((row) =>
      row.slice(0, 13),
    ),
    payloads: read(
      "SELECT idx, salt, data FROM payload WHERE idx >= ? AND idx < ?",
      from + i * size,
    ),
  }));
  db.close();
  return stored;
}

function openFloor(path: string): Sqlite.Database {
  const db = new Sqlite(path);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec(`
    CREATE TABLE event (idx INTEGER PRIMARY KEY, id TEXT NOT NULL, stream TEXT NOT NULL,
      stream_pos INTEGER NOT NULL, type TEXT NOT NULL, v INTEGER NOT NULL, time TEXT NOT NULL,
      actor TEXT NOT NULL, actor_kind TEXT NOT NULL, correlation TEXT NOT NULL, causation TEXT,
      leaf BLOB NOT NULL, leaf_hash BLOB NOT NULL) STRICT;
    CREATE UNIQUE INDEX event_by_id ON event (id);
    CREATE UNIQUE INDEX event_by_stream ON event (stream, stream_pos);
    CREATE INDEX event_by_correlation ON event (correlation);
    CREATE INDEX event_by_type ON event (type);
    CREATE INDEX event_by_actor ON event (actor);
    CREATE INDEX event_by_time ON event (time);
    CREATE TABLE payload (idx INTEGER PRIMARY KEY, salt BLOB, data TEXT, erased_at TEXT,
      erase_reason TEXT) STRICT;`);
  return db;
}

/** Milliseconds by the clock, and of the processor. */
async function timed(work: () => unknown): Promise<{ wall: number; cpu: number }> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1000 };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
