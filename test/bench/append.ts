import Sqlite from "better-sqlite3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DomainEvent } from "../../src/domain/events.ts";
import type { SqliteLedger } from "../../src/infra/sqlite/sqlite-ledger.ts";
import { appendTo, context } from "../support/ledger-samples.ts";
import { openLedger } from "../support/sqlite-ledger.ts";

/**
 * Appending to the ledger against its floor: the same bytes into one bare table with the same
 * indexes, no triggers, no hashes to compute, as durable (WAL, synchronous=FULL). Interleaved in
 * one process; the ratio is floor time / ledger time, median of the rounds. 1.0 would be free.
 */
const ROUNDS = 15;
const SHAPES = [
  { perTransaction: 1, transactions: 200, target: 0.8 },
  { perTransaction: 10, transactions: 60, target: 0.75 },
  { perTransaction: 100, transactions: 15, target: 0.75 },
  { perTransaction: 1000, transactions: 3, target: 0.68 },
] as const;
const APPENDERS = 32;

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const file = join(directory, "ledger.db");
const ledger = openLedger(file);
const floor = openFloor(join(directory, "floor.db"));
let next = 0;

try {
  await measureShapes();
  await measureConcurrency();
} finally {
  await ledger.close();
  floor.close();
  rmSync(directory, { recursive: true, force: true });
}

async function measureShapes(): Promise<void> {
  console.log("events/transaction  floor ev/s  ledger ev/s  ratio  target");
  for (const { perTransaction, transactions, target } of SHAPES) {
    const ratios: number[] = [];
    const times: { ours: number; bare: number }[] = [];
    for (let round = -2; round < ROUNDS; round += 1) {
      const from = next;
      const ours = await timed(() => appendMany(ledger, perTransaction, transactions));
      const stored = readBack(from, next);
      const bare = await timed(() => insertMany(stored, perTransaction));
      if (round < 0) continue;
      ratios.push(bare / ours);
      times.push({ ours, bare });
    }
    const count = perTransaction * transactions;
    const rate = (pick: (t: { ours: number; bare: number }) => number): string =>
      Math.round((count * 1000) / median(times.map(pick))).toString();
    console.log(
      `${String(perTransaction).padStart(18)}  ${rate((t) => t.bare).padStart(10)}  ` +
        `${rate((t) => t.ours).padStart(11)}  ${median(ratios).toFixed(2).padStart(5)}  ≥ ${target}`,
    );
  }
}

async function measureConcurrency(): Promise<void> {
  const total = 1600;
  const factors: number[] = [];
  for (let round = -1; round < 7; round += 1) {
    const single = await timed(() => appendMany(ledger, 1, total / 8));
    const shared = await timed(async () => {
      const appender = async (): Promise<void> => {
        for (let i = 0; i < total / APPENDERS; i += 1) await appendOne(ledger, 1);
      };
      await Promise.all(Array.from({ length: APPENDERS }, appender));
    });
    if (round >= 0) factors.push((single * 8) / shared);
  }
  console.log(
    `${APPENDERS} appenders, one event each: ${median(factors).toFixed(1)} times one appender's rate (target ≥ 4)`,
  );
}

async function appendMany(to: SqliteLedger, events: number, transactions: number): Promise<void> {
  for (let i = 0; i < transactions; i += 1) await appendOne(to, events);
}

async function appendOne(to: SqliteLedger, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, i) => migrationRegistered(i));
  next += count;
  await to.append(
    appendTo(`database:${next % 50}`, "any", {
      events,
      context: context({ requestId: `0190163d-8694-739b-aea5-${next}` }),
    }),
  );
}

/** A typical event of a run. */
function migrationRegistered(i: number): DomainEvent {
  return {
    type: "MigrationRegistered",
    data: {
      version: `2026010203${i}`,
      name: "add an index on orders",
      checksum: "sha256:5ff1e96bed9196f2aae6b1149ac2a2c428375ff7c59659069a2266100aa5f01c",
      up: "sha256:0d5acc7c74b6261cbc5fb49818866f811b4e83092d972f415b97984c949d8df1",
      down: "sha256:2412c59ae8dc7749f3663c8e14b4647d8844ac92684c50668a3a7ef3e898c2f3",
      transaction: "required",
      allow: {},
    },
  };
}

type Row = readonly unknown[];

function readBack(from: number, to: number): readonly Row[] {
  // Open only while it reads: no other connection looks on while the ledger is measured.
  const db = new Sqlite(file, { readonly: true });
  const stored = db
    .prepare(
      `SELECT idx, id, stream, stream_pos, type, v, time, actor, actor_kind, correlation, causation,
         leaf, leaf_hash, salt, data FROM event WHERE idx >= ? AND idx < ? ORDER BY idx`,
    )
    .raw()
    .all(from, to) as Row[];
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
      leaf BLOB NOT NULL, leaf_hash BLOB NOT NULL, salt BLOB, data TEXT) STRICT;
    CREATE UNIQUE INDEX event_by_id ON event (id);
    CREATE UNIQUE INDEX event_by_stream ON event (stream, stream_pos);
    CREATE INDEX event_by_correlation ON event (correlation);
    CREATE INDEX event_by_type ON event (type);
    CREATE INDEX event_by_actor ON event (actor);
    CREATE INDEX event_by_time ON event (time);`);
  return db;
}

function insertMany(stored: readonly Row[], perTransaction: number): void {
  const insert = floor.prepare(
    "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const group = floor.transaction((from: number) => {
    for (let i = from; i < from + perTransaction; i += 1) insert.run(...stored[i]!);
  });
  for (let from = 0; from < stored.length; from += perTransaction) group(from);
}

async function timed(work: () => Promise<void> | void): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
