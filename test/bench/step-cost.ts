import Sqlite from "better-sqlite3";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StepRequest } from "../../src/domain/engine/database-engine.ts";
import { SqliteEngine } from "../../src/infra/sqlite/sqlite-engine.ts";
import { smallStep } from "./small-steps.ts";
import { median } from "./support.ts";
import { applyOne } from "../support/step-results.ts";

// What a small step costs the executor: processor time of 100 steps in one process, in memory where
// that is possible (no disk, no messages, no ledger), against a bare better-sqlite3 loop; then every
// SQL text with how often it was prepared and run, and its median time. Warm: the first rounds do not count.
// node dist/test/bench/step-cost.js [rounds]

const ROUNDS = Number(process.argv[2] ?? 30);
const WARM = 10;
const STEPS = 100;
const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Milliseconds of each time, by what was done. */
const spent = new Map<string, number[]>();
let isCounting = false;

/** The text without what differs from step to step. */
const kindOf = (sql: string): string =>
  sql
    .replace(/\s+/g, " ")
    .replace(/\bt\d+\w*|\bguard_\w+/g, "…")
    .replace(/(, ?)?\(SELECT count\(\*\) FROM [^)]*\)/g, "count ")
    .slice(0, 72);

function count<T>(what: string, sql: string, work: () => T): T {
  if (!isCounting) return work();
  const began = performance.now();
  try {
    return work();
  } finally {
    const key = `${what.padEnd(7)} ${kindOf(sql)}`;
    const times = spent.get(key) ?? [];
    times.push(performance.now() - began);
    spent.set(key, times);
  }
}

type Method = (...args: unknown[]) => unknown;

/** Counts every statement of every connection of this process. */
function instrument(): void {
  const database = Sqlite.prototype as unknown as { [name: string]: Method };
  const { exec, prepare } = database;
  database["exec"] = function (this: unknown, ...args) {
    return count("exec", String(args[0]), () => exec!.apply(this, args));
  };
  database["prepare"] = function (this: unknown, ...args) {
    return count("prepare", String(args[0]), () => prepare!.apply(this, args));
  };
  const db = new Sqlite(":memory:");
  const statement = Object.getPrototypeOf(db.prepare("SELECT 1")) as { [name: string]: Method };
  db.close();
  for (const name of ["get", "all", "run"]) {
    const method = statement[name]!;
    statement[name] = function (this: { readonly source: string }, ...args) {
      return count(name, this.source, () => method.apply(this, args));
    };
  }
}

async function processorMs(work: () => unknown): Promise<number> {
  const began = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

function bareLoop(file: string): void {
  const db = new Sqlite(file);
  db.pragma("synchronous = FULL");
  for (let n = 0; n < STEPS; n++) db.transaction(() => db.exec(smallStep(n)))();
  db.close();
}

function makeDatabase(file: string): string {
  const db = new Sqlite(file);
  db.pragma("journal_mode = WAL");
  db.exec("CREATE TABLE seed (id INTEGER PRIMARY KEY, v TEXT)");
  db.close();
  return file;
}

const request = (n: number, expectedBefore: string): StepRequest => ({
  version: String(n + 1),
  name: `step ${n}`,
  direction: "up",
  checksum: `sha256:${"c".repeat(64)}`,
  sql: smallStep(n),
  transaction: "required",
  allow: {},
  attempt: randomUUID(),
  planDigest: `sha256:${"d".repeat(64)}`,
  token: n + 10,
  intentIndex: n + 10,
  intentLeafHash: "ab".repeat(32),
  checkpoint: "x".repeat(250),
  at: "2026-01-01T00:00:00.000Z",
  follows: null,
  expectedBefore,
  appliedBefore: null,
  expectedAfter: null,
  lockTimeoutMs: 1000,
  tableBackup: null,
});

async function steps(engine: SqliteEngine, fingerprint: string): Promise<void> {
  let expected = fingerprint;
  for (let n = 0; n < STEPS; n++) {
    const result = await applyOne(engine, request(n, expected));
    if (result.status === "failed") throw new Error(JSON.stringify(result.error));
    expected = result.fingerprintAfter;
  }
}

const directory = mkdtempSync(join(ROOT, "schemaledger-bench-"));
try {
  instrument();
  const bare: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < ROUNDS + WARM; round++) {
    const floor = makeDatabase(join(directory, `${round}-bare.db`));
    bare.push(await processorMs(() => bareLoop(floor)));
    const target = {
      engine: "sqlite",
      url: makeDatabase(join(directory, `${round}-ours.db`)),
      databaseId: randomUUID(),
      origin: "bench",
      incarnation: randomUUID(),
    } as const;
    const engine = new SqliteEngine(target, {
      onProgress: () => {},
      onTablesSaved: () => Promise.resolve(),
    });
    const { fingerprint } = await engine.install(1);
    isCounting = round >= WARM;
    ours.push(await processorMs(() => steps(engine, fingerprint)));
    isCounting = false;
    engine.close();
  }
  const [floor, step] = [median(bare.slice(WARM)), median(ours.slice(WARM))];
  console.log(
    `processor time a step: ${(step * 10).toFixed(0)} µs, bare ${(floor * 10).toFixed(0)} µs`,
  );
  const costs = [...spent].map(([what, times]) => ({
    what,
    times: times.length / (ROUNDS * STEPS),
    us: median(times) * 1000,
  }));
  for (const { what, times, us } of costs.toSorted((a, b) => b.us * b.times - a.us * a.times))
    if (us * times >= 1)
      console.log(
        `${(us * times).toFixed(1).padStart(6)} µs = ${times.toFixed(2)} × ${us.toFixed(1).padStart(5)} µs  ${what}`,
      );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
