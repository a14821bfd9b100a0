import pg from "pg";
import type { DomainEvent } from "../../src/domain/events.ts";
import type { Append } from "../../src/domain/ledger/ledger.ts";
import type { PostgresLedger } from "../../src/infra/postgres/ledger/postgres-ledger.ts";
import { appendTo, context } from "../support/ledger-samples.ts";
import { openPostgresLedger } from "../support/postgres/ledger.ts";
import type { Major } from "../support/postgres/programs.ts";
import { PostgresServer } from "../support/postgres/server.ts";

/**
 * Appending to a ledger in PostgreSQL against its floor: the same rows into two tables with the same
 * columns and indexes, by one prepared INSERT … SELECT unnest a table and node-postgres's own arrays, in
 * one transaction a batch (one statement, as data-modifying CTE), as durable (fsync, synchronous_commit), without head row, keys,
 * triggers, notification and hashing. The rows of the floor are made before the clock starts.
 *
 * One server, one process, floor and ledger by turns; what is printed is the median of the rounds.
 * `node dist/test/bench/pg-append.js [15|18] [factor of the number of rounds]`
 */
const MAJOR = Number(process.argv[2] ?? 18) as Major;
const FACTOR = Number(process.argv[3] ?? 1);
const SHAPES = [
  { size: 1, transactions: 40, rounds: 31 },
  { size: 100, transactions: 4, rounds: 31 },
  { size: 1000, transactions: 1, rounds: 31 },
] as const;
const TARGET = 0.6;

const server = await PostgresServer.start(MAJOR, {
  durable: true,
  settings: { shared_buffers: "128MB", max_wal_size: "4GB", checkpoint_timeout: "1h" },
});
const url = await server.createDatabase();
const ledger = await openPostgresLedger(url);
const floor = new pg.Client({ connectionString: url });
await floor.connect();
await floor.query(`CREATE SCHEMA floor; SET search_path = floor; SET plan_cache_mode = force_generic_plan;
  CREATE TABLE event (LIKE schemaledger.event INCLUDING INDEXES);
  CREATE TABLE payload (LIKE schemaledger.payload INCLUDING INDEXES);`);
const INSERT = `WITH e AS (INSERT INTO event SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::bigint[],
    $5::text[], $6::integer[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bytea[], $13::bytea[]))
  INSERT INTO payload (idx, salt, data) SELECT * FROM unnest($1::bigint[], $14::bytea[], $15::text[])`;
let made = 0;

try {
  for (let i = 0; i < 20; i += 1) await ledger.append(appendOf(200));
  await shapes();
  await writers(1);
  await writers(4);
} finally {
  await floor.end();
  await ledger.close();
  await server.dispose();
}

async function shapes(): Promise<void> {
  console.log(`PostgreSQL ${MAJOR}\nevents/batch  floor ev/s  ledger ev/s  ratio  target`);
  for (const { size, transactions, rounds } of SHAPES) {
    const ratios: number[] = [];
    const ours: number[] = [];
    const bare: number[] = [];
    let rows: unknown[][] = [];
    for (let round = -3; round < Math.ceil(rounds * FACTOR); round += 1) {
      const from = (await ledger.head()).size;
      let [mine, its] = [0, 0];
      for (let i = 0; i < transactions; i += 1) {
        const append = appendOf(size);
        mine += await timed(() => ledger.append(append));
        const values = rows[i];
        if (values !== undefined)
          its += await timed(() => floor.query({ name: "floor", text: INSERT, values }));
      }
      rows = await readBack(from, size, transactions);
      if (round < 0) continue;
      ours.push(mine);
      bare.push(its);
      ratios.push(its / mine);
    }
    const rate = (ms: number): string => Math.round((size * transactions * 1000) / ms).toString();
    console.log(
      `${String(size).padStart(12)}  ${rate(median(bare)).padStart(10)}  ${rate(median(ours)).padStart(11)}  ` +
        `${median(ratios).toFixed(2).padStart(5)}  ≥ ${TARGET}`,
    );
  }
}

/** 16 appenders of one event each, in one process or spread over several ledgers. */
async function writers(instances: number): Promise<void> {
  const more: PostgresLedger[] = [];
  for (let i = 1; i < instances; i += 1) more.push(await openPostgresLedger(url));
  const all = [ledger, ...more];
  const before = (await ledger.head()).size;
  const until = performance.now() + 4000 * FACTOR;
  let count = 0;
  const appender = async (n: number): Promise<void> => {
    while (performance.now() < until) {
      await all[n % instances]!.append(appendOf(1));
      count += 1;
    }
  };
  const ms = await timed(() => Promise.all(Array.from({ length: 16 }, (_, n) => appender(n))));
  const grown = (await ledger.head()).size - before;
  if (grown !== count) throw new Error(`${count} appended, ${grown} there`);
  console.log(
    `16 writers, ${instances} ledgers on it: ${Math.round((count * 1000) / ms)} single appends/s (target ≥ 1,200 in all)`,
  );
  for (const one of more) await one.close();
}

async function readBack(from: number, size: number, count: number): Promise<unknown[][]> {
  const { rows } = await server.query(
    `SELECT e.idx, e.id, e.stream, e.stream_pos, e.type, e.v, e.time, e.actor, e.actor_kind, e.correlation,
       e.causation, e.leaf, e.leaf_hash, p.salt, p.data
     FROM schemaledger.event e JOIN schemaledger.payload p USING (idx) WHERE idx >= ${from} ORDER BY idx`,
    url,
  );
  const columns = Object.keys(rows[0] as object);
  return Array.from({ length: count }, (_, i) => {
    const part = rows.slice(i * size, (i + 1) * size) as { [column: string]: unknown }[];
    return columns.map((column) => part.map((row) => row[column]));
  });
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

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
